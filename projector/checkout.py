"""The checkout's own settings, in a small TOML file: payment methods, delivery options, least purchases."""

import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from projector.errors import SettingsError

DEFAULT_FILE = Path(__file__).parent / "checkout.toml"
Amount = Annotated[Decimal, Field(ge=0, lt=10**15)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PaymentMethod(_Table):
    """A way to pay."""

    id: str
    name: str
    name_ar: str | None = None


class DeliveryOption(_Table):
    """A way to get the goods."""

    id: str
    name: str
    name_ar: str | None = None
    fee: Amount


class Checkout(_Table):
    """The whole file. The first delivery option is the one that a cart's total includes."""

    payment_methods: tuple[PaymentMethod, ...]
    delivery_options: tuple[DeliveryOption, ...]
    minimum_purchases: dict[int, Amount] = {}
    """By the promotion's id."""

    @property
    def delivery_fee(self) -> Decimal:
        return self.delivery_options[0].fee if self.delivery_options else Decimal(0)

    @classmethod
    def load(cls, path: Path | None) -> Self:
        """Reads the file, or the one that comes with the package; SettingsError says what is wrong with it."""
        file = path or DEFAULT_FILE
        try:
            return cls.model_validate(tomllib.loads(file.read_text(encoding="utf-8"), parse_float=Decimal))
        except (OSError, ValueError) as error:
            raise SettingsError(
                f"PROJECTOR_CHECKOUT_FILE ({file}) cannot be used: {_reason(error)}. Compare it with {DEFAULT_FILE}."
            ) from None


def _reason(error: Exception) -> str:
    if isinstance(error, ValidationError):
        fault = error.errors(include_url=False)[0]
        return f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}"
    return str(getattr(error, "strerror", None) or error).rstrip(".")
