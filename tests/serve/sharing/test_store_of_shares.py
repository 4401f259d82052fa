"""What is shared from a lake in an object store: S3, as moto's server plays it."""

from __future__ import annotations

from pathlib import Path

import delta_sharing
import pytest
import requests

from serve.conftest import running
from serve.sharing.conftest import SHOWN, Sharing, sharing_council
from servers import s3
from vestry.governance.access.terms import Condition

LAKE = """
    [lake]
    location = "s3://council/lake"
    [lake.options]
    AWS_ENDPOINT_URL = "{url}"
    AWS_ALLOW_HTTP = "true"
    AWS_REGION = "eu-west-2"
    AWS_ACCESS_KEY_ID = "key"
    AWS_SECRET_ACCESS_KEY = "${{LAKE_SECRET}}"
    aws_conditional_put = "etag"
"""


@pytest.mark.slow
def test_files_of_an_object_store_are_given_through_the_door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with s3.running(monkeypatch) as bucket:
        monkeypatch.setenv("LAKE_SECRET", s3.SECRET)
        council = sharing_council(tmp_path / "testham", LAKE.format(url=bucket.url))
        with running(council) as address:
            sharing = Sharing(council, address, tmp_path)
            partner = sharing.partner(SHOWN, Condition("ward", ("North",)))
            for delta in (False, True):
                found = delta_sharing.load_as_pandas(partner.url(), use_delta_format=delta)
                assert sorted(found.born) == ["1950", "1980"]
            url = partner.file()
            assert url.startswith(address) and s3.SECRET not in partner.query().text
            whole = requests.get(url, timeout=60).content
            assert int(requests.head(url, timeout=60).headers["content-length"]) == len(whole)
            for asked, status, content in (
                ("bytes=0-3", 206, b"PAR1"), ("bytes=-4", 206, b"PAR1"), (f"bytes={len(whole) - 4}-", 206, b"PAR1"),
                (f"bytes=4-{len(whole) * 2}", 206, whole[4:]), (f"bytes={len(whole)}-", 416, b""), ("lines=1", 200, whole),
            ):  # fmt: skip
                answer = requests.get(url, headers={"Range": asked}, timeout=60)
                assert (answer.status_code, answer.content) == (status, content), asked
            version = int(partner.query().headers["delta-table-version"])
            sharing.append(("7", "1999-01-01", "North"))
            changes = delta_sharing.load_table_changes_as_pandas(partner.url(), starting_version=version + 1)
            assert list(changes.born) == ["1999"]
