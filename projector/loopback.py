"""Which hosts are this machine's own: nobody else listens on the way there."""

from ipaddress import ip_address


def is_loopback(host: str) -> bool:
    """Whether it is localhost, or a loopback address."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
