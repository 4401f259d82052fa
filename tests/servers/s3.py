"""S3, as moto's server plays it, with one bucket: `council`."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

KEY, SECRET = "key", "Quillfeather"


@dataclass
class Bucket:
    """The bucket, and a client that may do anything with it."""

    url: str
    client: Any

    def put(self, name: str, content: str | bytes) -> None:
        body = content if isinstance(content, bytes) else content.encode()
        self.client.put_object(Bucket="council", Key=name, Body=body)


@contextmanager
def running(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    # A process of its own: reading a table's history keeps Python's lock while it waits for an answer.
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", url.rsplit(":", 1)[1]],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    client = boto3.client(
        "s3",
        endpoint_url=url,
        region_name="eu-west-2",
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
        config=Config(retries={"max_attempts": 1}, connect_timeout=2, read_timeout=10),
    )
    try:
        until = time.monotonic() + 60
        while True:
            try:
                client.create_bucket(Bucket="council", CreateBucketConfiguration={"LocationConstraint": "eu-west-2"})
                break
            except BotoCoreError:
                assert time.monotonic() < until, "moto's server does not answer"
                time.sleep(0.2)
        yield Bucket(url, client)
    finally:
        server.kill()
        server.wait()
