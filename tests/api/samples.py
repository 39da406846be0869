"""Documents as the worker would store them: section by section, ready JSON with the database's digits."""

from collections.abc import Mapping

PRODUCT = {
    "product": '{"id" : 42, "name" : "Coffee", "name_ar" : "قهوة", "sku" : "C-1", "barcode" : null,'
    ' "description" : "a \\"fine\\" roast", "category" : "Drinks", "category_id" : 3,'
    ' "brand" : null, "unit" : "bag", "weight" : 0.500,'
    ' "dimensions" : {"w":1.0,"h":1e2,"note":"\\u0000"}, "is_active" : null,'
    ' "created_at" : "2025-01-02T03:04:05.000000Z"}',
    "inventory": '{"total_quantity":10.000,"available_quantity":-2.500,"is_available":false,'
    '"by_branch":[{"branch_id":1,"branch_name":"Karrada","warehouse_id":2,"warehouse_name":null,'
    '"quantity":10.000,"reserved_quantity":12.500,"available_quantity":-2.500,'
    '"last_updated":null}]}',
    "pricing": '[{"pricelist_id":1,"pricelist_name":"Retail","currency":"IQD","price":12.50,'
    '"discount_percentage":null,"final_price":12.50,"minimum_quantity":1,"is_default":true}]',
    "images": '[{"url":"https://cdn/1.jpg","thumbnail":"https://cdn/1.jpg","is_primary":true,"order":0}]',
    "reviews": '{"items":[{"id":1,"rating":5,"title":null,"comment":"ممتاز",'
    '"customer_name":"Anonymous","created_at":"2025-01-02T03:04:05.000000Z"}],'
    '"count":9,"average_rating":4.7}',
    "similar_products": '[{"id":43,"name":"Tea","sku":"T-1","image":null}]',
}

PRODUCT_DETAIL = {
    "product": '{"id" : 42, "name" : "Coffee", "name_ar" : "قهوة", "description" : null,'
    ' "specifications" : { "weight" : 0.500, "dimensions" : {"w":1.0,"h":1e2,"note":"\\u0000"} },'
    ' "category" : {"id" : 3, "name" : null}}',
    "price": '{"price" : 12.50, "original_price" : 15.00, "discount" : 16.67}',
    "images": '["https://cdn/1.jpg", "https://cdn/2.jpg"]',
    "stock": '{"in_stock" : false, "stock_quantity" : -2.500, "by_branch" : [{"branch_id":null,"branch_name":null,'
    '"available":-2.500}]}',
    "reviews": '{"rating" : 4.7, "review_count" : 9}',
}

CUSTOMER = {
    "customer": '{"id":7,"customer_code":"C-7","name":"Rafidain","name_ar":"الرافدين",'
    '"company_name":null,"email":null,"phone":null,"address":null,"city":"Baghdad",'
    '"country":null,"tax_number":null,"currency":"IQD",'
    '"salesperson":{"id":3,"name":"Zainab","phone":null},"payment_terms":"Net 30",'
    '"is_active":true,"created_at":null}',
    "name": '"Rafidain"',
    "financial": '{"balance":{"total":100.00,"overdue":0,"current":100.00,"currency":"IQD"},'
    '"credit":{"limit":1000.00,"used":100.00,"available":900.00,"percentage_used":10.00},'
    '"payment_terms":"Net 30","risk_level":"minimal"}',
    "recent_orders": '{"items":[{"id":1,"order_number":"SO-1","date":null,"total":null,'
    '"status":null,"items_count":0}],"count":1,"total_value":0}',
    "payment_history": '{"items":[{"id":1,"invoice_id":5,"invoice_number":"I-5","amount":50.00,'
    '"payment_date":"2025-01-02","payment_method":null,"reference":null}],'
    '"count":1,"total_paid":50.00}',
}

CUSTOMER_ORDERS = {
    "orders": '{"orders" : [{"id":5,"order_number":"SO-5","order_date":"2025-01-05T00:00:00.000000Z"'
    ',"status":"DELIVERED","total_amount":0.10,"items_count":2}, {"id":4,"order_number":"SO-4",'
    '"order_date":null,"status":"delivered","total_amount":0.20,"items_count":1},\n'
    ' {"id":3,"order_number":"SO-3 ],{","order_date":null,"status":"DRAFT",'
    '"total_amount":9999999999.99,"items_count":1}, {"id":2,"order_number":null,"order_date":null,'
    '"status":null,"total_amount":null,"items_count":0}]}',
}

ORDER = {
    "order": '{"id":9,"order_number":"SO-9","order_date":"2025-01-02","status":"CONFIRMED",'
    '"payment_status":null,"payment_method":null,"subtotal":10.00,"discount_amount":null,'
    '"tax_amount":0.00,"total_amount":10.00,"net_amount":10.00,"notes":null,"salesperson":null,'
    '"created_at":"2025-01-02T03:04:05.000000Z","updated_at":null}',
    "customer": '{"id":7,"name":"Rafidain","name_ar":null,"phone":null,"email":null,"address":null}',
    "items": '{"list":[{"id":1,"product_id":42,"product_name":"Coffee","product_name_ar":"قهوة",'
    '"product_sku":"C-1","quantity":1.000,"unit_price":10.00,"discount_percentage":null,'
    '"discount_amount":null,"line_total":10.00,"delivered_quantity":null,"notes":null}],'
    '"count":1,"total_value":10.00}',
    "payment": '{"has_invoice":false,"invoice_id":null,"invoice_number":null,"invoice_date":null,'
    '"due_date":null,"status":null,"total_amount":0,"paid_amount":0,"balance":0,'
    '"is_fully_paid":false,"collection_rate":0,"payments":[{"id":1,"amount":1.00,'
    '"payment_date":"2025-01-02","payment_method":"CASH","reference":null}]}',
    "delivery": '{"has_delivery":false,"is_delivered":false,"status":"CONFIRMED",'
    '"expected_delivery_date":null,"actual_delivery_date":null,"is_late":false}',
    "summary": '{"status":"CONFIRMED","created_at":"2025-01-02T03:04:05.000000Z",'
    '"total_amount":10.00,"is_paid":false,"is_delivered":false,"collection_rate":0,'
    '"days_pending":3}',
}

DASHBOARD = {
    "salesperson": '{"id":3,"name":"Zainab","email":null,"phone":null,"role":"Salesperson"}',
    "period": '{"range":"today","start_date":"2025-01-01T21:00:00.000000Z","end_date":"2025-01-02T21:00:00.000000Z"}',
    "sales_overview": '{"total_orders":1,"total_value":10.00,"average_order_value":10.00,'
    '"status_breakdown":{"CONFIRMED":1},"confirmed_orders":1,"pending_orders":0,'
    '"completed_orders":0}',
    "recent_orders": '{"items":[{"id":9,"order_number":"SO-9","customer_id":7,'
    '"customer_name":"Rafidain","total_amount":10.00,"status":"CONFIRMED",'
    '"created_at":"2025-01-02T03:04:05.000000Z"}],"count":1}',
    "pending_orders": '{"items":[{"id":8,"order_number":null,"customer_id":null,'
    '"customer_name":null,"total_amount":null,"status":"DRAFT","created_at":null,'
    '"days_pending":0}],"count":60,"total_value":600.00}',
    "top_customers": '{"items":[{"id":7,"name":"Rafidain","order_count":1,"total_value":10.00}],"count":1}',
    "top_products": '{"items":[{"id":42,"name":"Coffee","sku":null,"quantity_sold":1.000,'
    '"total_value":10.00}],"count":1}',
    "payment_collection": '{"invoice_count":0,"total_invoiced":0,"total_collected":0,'
    '"outstanding":0,"collection_rate":0}',
    "customer_stats": '{"total_customers":12,"active_customers":1}',
}

SHOP = {
    "featured_products": '[{"id" : 42, "name" : "Coffee", "name_ar" : "قهوة", "price" : 12.50, "image" : null,'
    ' "in_stock" : true, "discount" : 16.67}]',
    "best_sellers": "[]",
    "new_arrivals": '[{"id" : 43, "name" : null, "name_ar" : null, "price" : null, "image" : "https://cdn/3.jpg",'
    ' "in_stock" : true, "discount" : null}]',
    "promotions": '[{"id" : 3, "title" : "عرض", "description" : null, "banner_url" : null, "discount_type" : null,'
    ' "discount_value" : 10, "promo_code" : null, "start_date" : "2025-01-02T03:04:05.000000Z", "end_date" : null}]',
    "checkout_promotions": '[{"id" : 3, "title" : "عرض", "description" : null, "banner_url" : null,'
    ' "discount_type" : "percentage", "discount_value" : 10, "promo_code" : null,'
    ' "start_date" : null, "end_date" : null}]',
    "currency": '"IQD"',
}

SHOPPER = {
    "customer": '{"id" : 7, "name" : "Rafidain", "phone" : null}',
    "cart_summary": '{"items_count" : 2, "total" : 30.10}',
    "cart": '{"items" : [{"id":1,"product_id":42,"quantity":2,"price":12.50,"subtotal":25.00},'
    ' {"id":2,"product_id":null,"quantity":null,"price":5.10,"subtotal":5.10}], "subtotal" : 30.10,'
    ' "promo_code" : "eid"}',
    "addresses": '[{"id" : 12, "label" : "Home", "full_name" : null, "phone" : null, "address_line1" : null,'
    ' "address_line2" : null, "city" : "Baghdad", "country" : null, "is_default" : null}]',
    "credit": '{"limit" : 1000.00, "available" : 0}',
}


def without_id(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers but for the id of the request, which each has its own of."""
    return {name: value for name, value in headers.items() if name != "x-request-id"}
