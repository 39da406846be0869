"""The status page GET /ops of the worker's admin port: what an operator looks at."""
