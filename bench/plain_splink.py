"""The rival: the Splink script that a good analyst would write for the same columns, as Splink's documentation has it.

Nothing of Vestry's is in it: upper case, spaces trimmed and dates read, the comparisons of Splink's own library with
term frequencies, a handful of blocking rules, a model trained without labels, links at 0.95.

`python -m bench.plain_splink RECORDS.parquet CLUSTERS.parquet` reads source, record_id and any of the attributes of a
match file as text, writes source, record_id, person_id, and prints seconds and peak memory as JSON.
"""

from __future__ import annotations

import json
import logging
import resource
import sys
import time
import warnings
from pathlib import Path

import duckdb

PREDICTED, LINKED = 0.9, 0.95
_TEXT = (
    "forename", "middle_names", "surname", "sex", "nhs_number", "ni_number", "upn", "other_id", "uprn", "address",
    "postcode", "telephone", "email",
)  # fmt: skip
_IDENTIFIERS = ("nhs_number", "ni_number", "upn", "other_id")
_DATES = "['%Y-%m-%d', '%Y%m%d', '%d/%m/%Y', '%d-%m-%Y', '%Y/%m/%d', '%m/%d/%Y']"


def tidy(con: duckdb.DuckDBPyConnection, file: Path) -> set[str]:
    """Make the table `records`; the attributes that hold something."""
    there = [c for c in con.sql(f"FROM '{file}'").columns if c in _TEXT or c == "date_of_birth"]
    row = con.execute(f"SELECT {', '.join(f'count({c})' for c in there)} FROM '{file}'").fetchone() or ()
    filled = {c for c, count in zip(there, row, strict=True) if count}
    columns = [f"nullif(upper(trim({c}::VARCHAR)), '') AS {c}" for c in _TEXT if c in filled]
    if "date_of_birth" in filled:
        columns.append(f"strftime(try_strptime(trim(date_of_birth::VARCHAR), {_DATES}), '%Y-%m-%d') AS date_of_birth")
    con.execute(
        "CREATE TABLE records AS "
        "SELECT row_number() OVER (ORDER BY source, record_id) AS unique_id, source, record_id, "
        f"{', '.join(columns)} FROM '{file}'"
    )
    return filled


def settings(filled: set[str], british: bool):  # type: ignore[no-untyped-def]
    """Comparisons and blocking rules for the attributes that are there."""
    import splink.comparison_library as cl
    from splink import SettingsCreator, block_on

    compared = []
    if {"forename", "surname"} <= filled:
        compared.append(cl.ForenameSurnameComparison("forename", "surname").configure(term_frequency_adjustments=True))
    else:
        compared += [cl.NameComparison(c) for c in ("forename", "surname") if c in filled]
    if "middle_names" in filled:
        compared.append(cl.NameComparison("middle_names"))
    if "date_of_birth" in filled:
        compared.append(cl.DateOfBirthComparison("date_of_birth", input_is_string=True))
    if "postcode" in filled and "uprn" not in filled:
        # Its levels are those of British postcodes.
        compared.append(
            cl.PostcodeComparison("postcode")
            if british
            else cl.ExactMatch("postcode").configure(term_frequency_adjustments=True)
        )
    # A home once: its UPRN, its address and its postcode are one fact, and counted thrice they outweigh a name.
    if "address" in filled and "uprn" not in filled:
        compared.append(cl.JaroWinklerAtThresholds("address", [0.95, 0.88]))
    if "email" in filled:
        compared.append(cl.EmailComparison("email"))
    for column in ("uprn", "telephone"):
        if column in filled:
            compared.append(cl.ExactMatch(column).configure(term_frequency_adjustments=True))
    if "sex" in filled:
        compared.append(cl.ExactMatch("sex"))
    compared += [cl.DamerauLevenshteinAtThresholds(c, 1) for c in _IDENTIFIERS if c in filled]
    blocks = [
        ("forename", "surname"), ("surname", "date_of_birth"), ("forename", "date_of_birth"),
        ("date_of_birth", "postcode"), ("surname", "postcode"), ("forename", "uprn"), ("telephone",), ("email",),
        *((c,) for c in _IDENTIFIERS),
    ]  # fmt: skip
    return SettingsCreator(
        link_type="dedupe_only",
        comparisons=compared,
        blocking_rules_to_generate_predictions=[block_on(*b) for b in blocks if set(b) <= filled],
        retain_intermediate_calculation_columns=False,
    )


def link(con: duckdb.DuckDBPyConnection, filled: set[str]) -> str:
    """Train, predict and cluster `records`; the name of the table with cluster_id and unique_id."""
    from splink import DuckDBAPI, Linker, block_on

    row = con.execute(
        "SELECT avg(regexp_full_match(postcode, '[A-Z]{1,2}[0-9][A-Z0-9]? ?[0-9][A-Z]{2}')::INT) FROM records"
        if "postcode" in filled
        else "SELECT 0"
    ).fetchone()
    linker = Linker("records", settings(filled, bool(row and (row[0] or 0) > 0.5)), DuckDBAPI(connection=con))
    certain = [("forename", "surname", "date_of_birth"), *((c,) for c in _IDENTIFIERS)]
    linker.training.estimate_probability_two_random_records_match(
        [block_on(*c) for c in certain if set(c) <= filled], recall=0.7
    )
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
    for columns in [("date_of_birth",), ("forename", "surname")]:
        if set(columns) <= filled:
            linker.training.estimate_parameters_using_expectation_maximisation(block_on(*columns))
    predicted = linker.inference.predict(threshold_match_probability=PREDICTED)
    return linker.clustering.cluster_pairwise_predictions_at_threshold(predicted, LINKED).physical_name


def main(records: Path, clusters: Path) -> None:
    logging.getLogger("splink").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    started = time.perf_counter()
    con = duckdb.connect()
    found = link(con, tidy(con, records))
    con.execute(
        f"COPY (SELECT r.source, r.record_id, c.cluster_id::VARCHAR AS person_id FROM {found} AS c "
        f"JOIN records AS r USING (unique_id)) TO '{clusters}' (FORMAT parquet)"
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": round(time.perf_counter() - started, 2), "peak_mb": round(peak)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
