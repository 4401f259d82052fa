"""The addresses of pages: one function for each, so that no template or search result spells one."""

from __future__ import annotations

from urllib.parse import quote

from vestry.project import TableName


def domain(name: str) -> str:
    return f"/products/{quote(name)}"


def product(name: str, part: str = "") -> str:
    """A product by its full name, `housing.repairs`; `part` is one of its pages, such as `quality`."""
    return "/products/" + "/".join(map(quote, name.split("."))) + (f"/{part}" if part else "")


def source(name: str, part: str = "") -> str:
    return f"/sources/{quote(name)}" + (f"/{part}" if part else "")


def table(name: TableName, part: str = "") -> str:
    return f"/tables/{quote(str(name))}" + (f"/{part}" if part else "")


def column(full_name: str) -> str:
    """A column by its full name, `domain.product.table.column`."""
    name, _, last = full_name.rpartition(".")
    return f"/tables/{quote(name)}/columns/{quote(last)}"


def term(key: str) -> str:
    return f"/glossary/{quote(key)}"


def found(kind: str, key: str) -> str:
    """The page of something that was found, by the kind and the key of its search document."""
    if kind in ("column", "value"):
        return column(key)
    if kind == "table":
        return table(TableName.parse(key))
    if kind == "page":
        return product(key) if "." in key else domain(key)
    return {"product": product, "source": source, "domain": domain, "term": term}[kind](key)


def search(text: str, **filters: str) -> str:
    more = "".join(f"&{key}={quote(value)}" for key, value in filters.items())
    return f"/search?q={quote(text)}{more}"


def sql(name: TableName, purpose: str = "") -> str:
    """The page of SQL, with a question about a table begun."""
    return f"/sql?table={quote(str(name))}" + (f"&purpose={quote(purpose, safe='')}" if purpose else "")


def run(name: str) -> str:
    return f"/runs/{quote(name)}"


def system(name: str) -> str:
    """A system on the data map."""
    return f"/map/{quote(name)}"


def person(key: str) -> str:
    return f"/people/{quote(key)}"


def pair(people: tuple[str, str], part: str = "") -> str:
    """The page on which two people are compared."""
    return "/people/review/" + "/".join(map(quote, people)) + (f"/{part}" if part else "")


def address_question(key: str) -> str:
    """An address that waits; `key` stands for it."""
    return f"/addresses/review/{quote(key)}"


def request(key: str) -> str:
    """A request for access."""
    return f"/access/requests/{quote(key)}"


def grant(key: str) -> str:
    return f"/access/grants/{quote(key)}"


def add(key: str = "", part: str = "") -> str:
    """Add data: its beginning, or the proposal of that id; `part` is one of its pages."""
    return "/add" + (f"/{key}" if key else "") + (f"/{part}" if part else "")


def draft(name: str) -> str:
    return f"/add/drafts/{quote(name)}"
