"""The shopper's home page: the lists of a shop, which are the same for everybody, and the customer's own part."""

from typing import Final

from api.answers import Answer
from api.errors import NotFound
from api.joined import Source, ask_parts, count_sources, joined_answer, members, part
from api.parameters import OptionalId
from api.templates import Field, Question
from projector.names import EVERY_BRANCH, PACED

LISTS: Final = ("featured_products", "best_sellers", "new_arrivals", "promotions")
_NO_CART: Final = b'{"items_count":0,"total":0}'

BRANCH: Final = OptionalId("branch_id", "The branch to shop in; without it all of them together", example=1)
CUSTOMER: Final = OptionalId("customer_id", "Whose cart to show", example=7)

SHOP: Final = part("shop", "Branch", *(Field(name, name) for name in LISTS), Field("cart", "currency", counted=False))
SHOPPER: Final = part("shopper", "Customer", Field("customer", "customer"), Field("cart", "cart_summary"))


def shop_id(question: Question) -> int:
    """The shop that a question names; NotFound of a branch that has the id of all together."""
    branch = question["branch_id"]
    if branch == EVERY_BRANCH and branch is not None:
        raise NotFound("Branch", EVERY_BRANCH)
    return EVERY_BRANCH if branch is None else int(branch)


async def answer_home(question: Question, source: Source) -> Answer:
    customer = question["customer_id"]
    questions = [Question(SHOP, (shop_id(question),))]
    if customer is not None:
        questions.append(Question(SHOPPER, (customer,)))
    shop, *shoppers = parts = await ask_parts(source, questions)
    if not shoppers and shop.alone is not None:
        return shop.alone
    greeted = shoppers[0].sections["customer"] if shoppers else None
    summary = shoppers[0].sections["cart_summary"] if shoppers else _NO_CART
    lists = {name: shop.sections[name] for name in LISTS}
    cart = None if summary is None else _with_currency(summary, shop.sections["currency"])
    sources = count_sources(*lists.values(), greeted, cart)
    data = {**lists, "customer": greeted, "cart": cart}
    answer = joined_answer(data, parts, sources, refresh_seconds=PACED["shop"])
    if not shoppers:
        shop.alone = answer
    return answer


def _with_currency(summary: bytes, currency: bytes | None) -> bytes:
    return b"%b,%b" % (summary.strip()[:-1], members({"currency": currency})[1:])
