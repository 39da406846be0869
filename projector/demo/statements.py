"""What the stream of changes says to the reference ERP: its SQL, a statement for each thing that happens."""

from typing import LiteralString

LAST_IDS: dict[str, LiteralString] = {
    "customers": "SELECT max(id) FROM customers",
    "products": "SELECT max(id) FROM products",
    "inventory_items": "SELECT max(id) FROM inventory_items",
    "product_prices": "SELECT max(id) FROM product_prices",
    "carts": "SELECT max(id) FROM carts",
}

OPEN_ORDERS = """
SELECT id, status
FROM (SELECT id, status FROM sales_orders ORDER BY id DESC LIMIT %s) AS newest
WHERE status = ANY(%s) ORDER BY id
"""

UNPAID_INVOICES = """
SELECT id
FROM (SELECT id, status FROM sales_invoices ORDER BY id DESC LIMIT %s) AS newest
WHERE status IN ('PENDING', 'PARTIALLY_PAID', 'OVERDUE') ORDER BY id
"""

# Locks in the order of ids, so that two streams cannot wait for each other.
CHOOSE_LINES = """
SELECT stock.id, product.id, product.unit_price
FROM inventory_items AS stock JOIN products AS product ON product.id = stock.product_id
WHERE stock.id = ANY(%s) AND product.unit_price < 1000000
ORDER BY stock.id FOR NO KEY UPDATE OF stock
"""

INSERT_ORDER = """
INSERT INTO sales_orders (order_number, customer_id, branch_id, warehouse_id, order_date,
    expected_delivery_date, status, payment_status, payment_method, subtotal, discount_amount,
    tax_amount, total_amount, paid_amount, created_by, created_at, updated_at)
SELECT %(number)s, customer.id, warehouse.branch_id, warehouse.id, day, day + %(days)s::integer,
    'DRAFT', 'UNPAID', %(method)s, %(total)s, 0, 0, %(total)s, 0,
    coalesce(customer.salesperson_id, %(user)s::integer), now(), now()
FROM (SELECT (now() AT TIME ZONE 'Asia/Baghdad')::date AS day) AS clock, customers AS customer
LEFT JOIN warehouses AS warehouse ON warehouse.id = %(warehouse)s
WHERE customer.id = %(customer)s RETURNING id
"""

INSERT_ITEMS = """
INSERT INTO sales_items (sales_order_id, product_id, quantity, unit_price, discount_percentage,
    discount_amount, line_total, delivered_quantity)
SELECT %s, product_id, quantity, unit_price, 0, 0, round(quantity * unit_price, 2), 0
FROM unnest(%s::integer[], %s::numeric[], %s::numeric[]) AS line (product_id, quantity, unit_price)
"""

MOVE_STOCK = """
UPDATE inventory_items AS stock SET updated_at = now(),
    quantity_on_hand = coalesce(quantity_on_hand, 0) + line.quantity * %s,
    quantity_reserved = coalesce(quantity_reserved, 0) + line.quantity * %s
FROM unnest(%s::integer[], %s::numeric[]) AS line (id, quantity) WHERE stock.id = line.id
"""

SET_STATUS = """
UPDATE sales_orders SET status = %s, updated_at = now(), actual_delivery_date = CASE
    WHEN %s THEN (now() AT TIME ZONE 'Asia/Baghdad')::date ELSE actual_delivery_date END
WHERE id = %s AND status = %s
"""

INSERT_INVOICE = """
INSERT INTO sales_invoices (invoice_number, customer_id, sales_order_id, branch_id, invoice_date,
    due_date, currency_id, exchange_rate, invoice_type, status, subtotal, discount_amount,
    tax_amount, total_amount, paid_amount, created_by, created_at, updated_at)
SELECT %s, customer_id, id, branch_id, day, day + %s::integer, 1, 1, 'SALES', 'PENDING', subtotal,
    discount_amount, tax_amount, total_amount, 0, created_by, now(), now()
FROM sales_orders, (SELECT (now() AT TIME ZONE 'Asia/Baghdad')::date AS day) AS clock
WHERE id = %s RETURNING id
"""

READ_OWED = """
SELECT coalesce(total_amount, 0) - coalesce(paid_amount, 0), sales_order_id
FROM sales_invoices WHERE id = %s FOR NO KEY UPDATE
"""

INSERT_PAYMENT = """
INSERT INTO invoice_payments (payment_number, sales_invoice_id, payment_date, amount, currency_id,
    payment_method, reference_number, created_by, created_at)
VALUES (%s, %s, (now() AT TIME ZONE 'Asia/Baghdad')::date, %s, 1, %s, %s, %s, now())
"""

PAY_INVOICE = """
UPDATE sales_invoices SET paid_amount = coalesce(paid_amount, 0) + %s,
    status = %s::text::invoice_status, updated_at = now()
WHERE id = %s
"""

PAY_ORDER = """
UPDATE sales_orders SET paid_amount = coalesce(paid_amount, 0) + %s, payment_status = %s,
    updated_at = now()
WHERE id = %s
"""

RECEIVE_STOCK = """
UPDATE inventory_items SET quantity_on_hand = coalesce(quantity_on_hand, 0) + %(received)s,
    quantity_ordered = greatest(0, quantity_ordered - %(received)s), updated_at = now()
WHERE id = %(id)s
"""

CHANGE_LIST_PRICE = """
UPDATE product_prices SET price = least(500000, round(coalesce(price, 1000) * %s, 2)),
    updated_at = now() AT TIME ZONE 'UTC'
WHERE id = %s
"""

CHANGE_UNIT_PRICE = """
UPDATE products SET unit_price = least(500000, round(coalesce(unit_price, 1000) * %s, 2)),
    updated_at = now()
WHERE id = %s
"""

DESCRIBE_PRODUCT = """
UPDATE products SET description = %s, updated_at = now() WHERE id = %s
"""

RENAME_PRODUCT = """
UPDATE products SET updated_at = now(),
    name = CASE WHEN name LIKE '%% (new)' THEN left(name, -6)
        ELSE left(name, 240) || ' (new)' END,
    name_ar = CASE WHEN name_ar LIKE '%% (جديد)' THEN left(name_ar, -7)
        ELSE left(name_ar, 240) || ' (جديد)' END
WHERE id = %s
"""

INSERT_REVIEW = """
INSERT INTO reviews (product_id, customer_id, rating, title, comment, status, is_visible,
    is_deleted, customer_name, created_at)
SELECT %s, id, %s, %s, %s, %s, true, false, name, now() AT TIME ZONE 'UTC'
FROM customers WHERE id = %s
"""

FILL_CART = """
INSERT INTO cart_items (cart_id, product_id, quantity, unit_price, subtotal, is_available, added_at)
SELECT cart.id, product.id, %(quantity)s, product.unit_price, product.unit_price * %(quantity)s, true,
    now() AT TIME ZONE 'UTC'
FROM carts AS cart, products AS product WHERE cart.id = %(cart)s AND product.id = %(product)s
"""

EDIT_CUSTOMER: tuple[LiteralString, ...] = (
    "UPDATE customers SET credit_limit = %(money)s, updated_at = now() WHERE id = %(id)s",
    "UPDATE customers SET payment_terms = %(days)s, updated_at = now() WHERE id = %(id)s",
    "UPDATE customers SET phone = %(phone)s, updated_at = now() WHERE id = %(id)s",
    "UPDATE customers SET city = %(city)s, updated_at = now() WHERE id = %(id)s",
    "UPDATE customers SET salesperson_id = %(user)s, updated_at = now() WHERE id = %(id)s",
    "UPDATE customers SET is_active = is_active IS NOT TRUE, updated_at = now() WHERE id = %(id)s",
)

INSERT_CUSTOMER = """
INSERT INTO customers (customer_code, name, phone, city, country, credit_limit, payment_terms,
    currency, salesperson_id, is_active, created_at, updated_at)
VALUES (%s, %s, %s, %s, 'Iraq', 1000000, 30, 'IQD', %s, true, now(), now()) RETURNING id
"""
