"""The portal over a large catalogue: 2,000 tables and 40,000 columns, and 50 readers at once.

Each reader asks for a page, reads it for a second on average, and asks for the next. Pages are of all kinds, and most
are asked for the first time. Latency is from the first byte sent to the last received, at the reader.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path

from bench.data import WORK
from vestry.lake import Engine, Lake
from vestry.project import TableName

DOMAINS, PRODUCTS, TABLES, COLUMNS = 25, 20, 4, 20
READERS, SECONDS, READING = 50, 20.0, 1.0
WORDS = ["repair", "tenancy", "case", "visit", "payment", "school", "pupil", "permit", "licence", "ward", "street"]


def project() -> Path:
    """The project, made once, with every table in the lake."""
    root = WORK / "portal"
    if (root / "made").is_file():
        return root
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    (root / "vestry.toml").write_text('[council]\nname = "Largeham"\n')
    (root / "sources").mkdir()
    (root / "sources/system.yaml").write_text("connector: files\npath: drop\ntables:\n  thing: {files: '*.csv'}\n")
    (root / "drop").mkdir()
    chance = random.Random(7)
    names = []
    for d in range(DOMAINS):
        for p in range(PRODUCTS):
            folder = root / f"domains/domain_{d}/{chance.choice(WORDS)}_{p}"
            folder.mkdir(parents=True)
            tables = [f"{chance.choice(WORDS)}_{t}" for t in range(TABLES)]
            names += [TableName(f"domain_{d}", folder.name, t) for t in tables]
            (folder / "contract.yaml").write_text(_contract(d, folder.name, tables, chance))
            for table in tables:
                columns = ", ".join(f"'x' AS {c}" for c in _columns())
                (folder / f"{table}.sql").write_text(f"SELECT {columns} FROM bronze.system.thing")
        (root / f"domains/domain_{d}/domain.yaml").write_text(f"name: Domain {d}\nowner: Owner {d}\n")
    lake = Lake(str(root / "lake"), root / ".vestry")
    engine = Engine(lake, memory_limit="1GB")
    con = engine.cursor()
    values = ", ".join(f"'x' AS {c}" for c in _columns())
    for name in [TableName("bronze", "system", "thing"), *names]:
        lake.publish(lake.stage(con, name, f"SELECT {values} FROM range(10)"), record={"quality": 99.5, "rows": 10})
    engine.close()
    (root / "made").touch()
    return root


def _columns() -> list[str]:
    return [f"{WORDS[i % len(WORDS)]}_{i}" for i in range(COLUMNS)]


def _contract(domain: int, product: str, tables: list[str], chance: random.Random) -> str:
    described = " ".join(chance.choices(WORDS, k=12))
    columns = "".join(
        f"      - {{name: {c}, logicalType: string, classification: {chance.choice(['internal', 'personal'])}, "
        f"description: The {' '.join(chance.choices(WORDS, k=4))}.}}\n"
        for c in _columns()
    )
    schema = "".join(f"  - name: {t}\n    description: {described}\n    properties:\n{columns}" for t in tables)
    return (
        f"apiVersion: v3.1.0\nkind: DataContract\nid: d{domain}-{product}\nname: {product.replace('_', ' ').title()}\n"
        f"version: 1.0.0\nstatus: active\ndescription: {{purpose: {described}}}\nschema:\n{schema}"
    )


def pages() -> float:
    """50 readers at once: p95 in seconds."""
    root = project()
    port = 18_473
    serving = subprocess.Popen(
        [Path(sys.executable).with_name("vestry"), "serve", "-C", str(root), "--port", str(port)]
    )
    try:
        paths = _paths(root)
        _wait(port)
        began = time.perf_counter()
        times, failed = asyncio.run(_read(port, paths))
        rate = len(times) / (time.perf_counter() - began)
    finally:
        serving.terminate()
        serving.wait()
    if failed:
        raise SystemExit(f"{failed} pages failed")
    cuts = statistics.quantiles(times, n=100)
    print(f"{len(times)} pages, {rate:.0f} a second, p50 {cuts[49] * 1000:.1f} ms, p95 {cuts[94] * 1000:.1f} ms")
    return cuts[94]


def _paths(root: Path) -> list[str]:
    found = ["/", "/products", "/sources", "/runs", "/glossary", "/search?q=repair", "/search?q=tenancy+visit"]
    for contract in sorted((root / "domains").glob("*/*/contract.yaml")):
        domain, product = contract.parts[-3:-1]
        found += [f"/products/{domain}", *(f"/products/{domain}/{product}{p}" for p in ("", "/dictionary", "/use"))]
        for recipe in contract.parent.glob("*.sql"):
            table = f"{domain}.{product}.{recipe.stem}"
            found += [f"/tables/{table}", f"/tables/{table}/columns/{WORDS[3]}_3"]
    return found


def _wait(port: int) -> None:
    for _ in range(1200):
        try:
            asyncio.run(_get(port, "/health"))
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the portal does not answer")


async def _read(port: int, paths: list[str]) -> tuple[list[float], int]:
    times: list[float] = []
    failed = 0
    end = time.perf_counter() + SECONDS

    async def reader(number: int) -> None:
        nonlocal failed
        chance = random.Random(number)
        while time.perf_counter() < end:
            await asyncio.sleep(chance.expovariate(1 / READING))
            began = time.perf_counter()
            status = await _get(port, chance.choice(paths))
            times.append(time.perf_counter() - began)
            failed += status != 200

    await asyncio.gather(*(reader(n) for n in range(READERS)))
    return times, failed


async def _get(port: int, path: str) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    return int(answer.split(b" ", 2)[1])


def rebuild() -> float:
    """A contract is changed: seconds until the catalogue has it."""
    from vestry.catalogue.live import Live

    root = project()
    began = time.perf_counter()
    live = Live(root)
    print(f"first reading {time.perf_counter() - began:.1f} s: {len(live.catalogue().columns)} columns")
    contract = sorted((root / "domains").glob("*/*/contract.yaml"))[7]
    times = []
    for version in range(2, 7):
        text = contract.read_text()
        contract.write_text(text.replace(text.split("version: ")[1].split("\n")[0], f"{version}.0.0", 1))
        began = time.perf_counter()
        live.refresh()
        times.append(time.perf_counter() - began)
        product = live.catalogue().project.products[".".join(contract.parts[-3:-1])]
        assert product.contract.version == f"{version}.0.0"
    return statistics.median(times)


def search() -> float:
    """200,000 documents: p95 of 400 searches of all kinds, with facets, in seconds."""
    from vestry.catalogue.search import query
    from vestry.catalogue.search.document import Document, Part
    from vestry.catalogue.search.index import SearchIndex

    chance = random.Random(7)
    folder = WORK / "search"
    shutil.rmtree(folder, ignore_errors=True)
    syllables = [
        "ba",
        "co",
        "di",
        "fen",
        "gar",
        "hol",
        "ing",
        "jor",
        "kel",
        "lum",
        "mar",
        "nor",
        "pas",
        "ren",
        "sto",
        "tal",
    ]
    words = ["".join(chance.choices(syllables, k=chance.randint(2, 4))) for _ in range(8_000)]
    # As in any language without its hundred smallest words, which are not searched for: one word in fifty is "council".
    often = list(accumulate(1 / rank for rank in range(100, len(words) + 100)))

    def documents(part: int) -> Iterator[Document]:
        for n in range(400):
            title = " ".join(chance.choices(words, cum_weights=often, k=2))
            text = " ".join(chance.choices(words, cum_weights=often, k=25))
            name = f"domain_{part % 25}.p{part}.t.c{n}"
            kind = chance.choice(["column", "table", "product", "page"])
            yield Document(kind, name, title, text, (name,), f"domain_{part % 25}", "silver", "internal")

    index = SearchIndex(folder)
    parts = {str(n): Part("1", lambda n=n: documents(n)) for n in range(500)}  # type: ignore[misc]
    began = time.perf_counter()
    index.update(parts)
    first = time.perf_counter() - began
    began = time.perf_counter()
    index.update({**parts, "7": Part("2", lambda: documents(7))})
    print(f"indexed in {first:.1f} s, one product of it again in {time.perf_counter() - began:.2f} s")
    times = []
    for _ in range(400):
        asked = chance.choices(words, cum_weights=often, k=chance.randint(1, 3))
        if chance.random() < 0.3:  # a slip
            asked[0] = asked[0][1] + asked[0][0] + asked[0][2:]
        began = time.perf_counter()
        query.search(index.searcher, " ".join(asked), ["staff"], {})
        times.append(time.perf_counter() - began)
    cuts = statistics.quantiles(times, n=100)
    print(f"search p50 {cuts[49] * 1000:.1f} ms, p95 {cuts[94] * 1000:.1f} ms")
    return cuts[94]
