"""The answers as the app's developer reads them in OpenAPI: one module for each document.

Answers are spliced from ready bytes and never pass through these models; the tests prove that they
fit. A field that may be null says so. Each section may be null too: where a parameter or the address
leaves it out, and where it could not be built (metadata.degraded names it then).
"""
