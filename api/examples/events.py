"""The beginning of a stream of events."""

from typing import Final

EVENTS: Final = """\
retry: 1873

id: Pz1jmjS-48HwAAABAAAAASDV
event: state
data: {"key":"orders/456","status":200,"version":"0000000001 00000000000000073941 01762365600000005",\
"etag":"\\"9a4be3c1f0d2477c8a0b6a1d5f0c9e21\\""}

: heartbeat

id: Pz1jXQ9sjit6AAABAAAAASDs
event: change
data: {"key":"orders/456","status":200,"version":"0000000001 00000000000000073964 01762365617204911",\
"etag":"\\"5d0f6c8e2b7a41b39c61f00e4d8a7713\\""}

"""
