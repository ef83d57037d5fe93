"""A helper module that lies beside the locustfile imports_helper.py; no locustfile itself."""

import itertools

_numbers = itertools.cycle(range(1, 101))


def next_product_page():
    return f"/products/{next(_numbers)}"
