"""Several documents in one answer."""

from pydantic import Field

from api.models.customer import CustomerDocument, CustomerFinancial, CustomerOrders
from api.models.dashboard import DashboardDocument
from api.models.envelope import FailureDetails, Metadata, Success
from api.models.order import OrderDocument
from api.models.product import ProductDocument
from api.models.product_detail import ProductDetail
from api.models.values import Count, Model

Document = (
    ProductDocument
    | ProductDetail
    | CustomerDocument
    | CustomerFinancial
    | CustomerOrders
    | OrderDocument
    | DashboardDocument
)


class BatchItem(Model):
    """What the document's own address answers, with data and metadata or with error and details."""

    key: str = Field(description="As it was asked for")
    status: int = Field(description="What its own address would answer: 200, 404 or 503")
    success: bool
    data: Document | None = Field(default=None, description="With success")
    metadata: Metadata | None = Field(default=None, description="With success")
    error: str | None = Field(default=None, description="Without success")
    details: FailureDetails | None = Field(default=None, description="Without success")


class BatchItems(Model):
    """The documents that were asked for."""

    items: list[BatchItem] = Field(description="In the order of the keys")
    count: Count


class BatchAnswer(Success[BatchItems]):
    """Several documents in one envelope; metadata is of all of them together."""
