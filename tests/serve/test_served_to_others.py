"""The portal where others reach it: only with log-in, only over TLS."""

from __future__ import annotations

import re
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests

from council import command, vestry
from serve.conftest import running
from serve.people import PASSWORD, Person, account
from vestry.project import VestryError
from vestry.serve.server import Encryption, run

pytestmark = pytest.mark.slow

URL = '[council]\nname = "Testham"\nurl = "https://data.testham.gov.uk"\n'
#: What a proxy says that was asked over https.
PROXIED = {"Host": "data.testham.gov.uk", "X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.7"}


def refused(council, host: str = "127.0.0.1", **encryption) -> str:
    with pytest.raises(VestryError) as told:
        run(council.root, host, 0, Encryption(**encryption))
    return str(told.value)


def test_others_are_let_near_only_with_accounts_tls_and_an_address(council, tmp_path):
    assert "nobody would have to log in" in refused(council, "0.0.0.0")
    assert "vestry user add" in refused(council, proxy="127.0.0.1")
    account(council)
    assert "passwords would go over the network in clear" in refused(council, "0.0.0.0")
    assert "`url` of [council]" in refused(council, "0.0.0.0", proxy="127.0.0.1")
    council.write("vestry.toml", URL)
    bad = tmp_path / "x.pem"
    bad.write_text("x")
    assert "the certificate cannot be used" in refused(council, certificate=bad, key=bad)
    for proxy in ("*", "proxy.example.org", "10.0.0.5/8"):
        assert "is not the address of a proxy" in refused(council, "0.0.0.0", proxy=proxy)
    alone = vestry("serve", "-C", str(council.root), "--cert", str(bad))
    assert alone.returncode == 2 and "--cert and --key together" in alone.stderr


@pytest.fixture
def proxied(council):
    council.write("vestry.toml", URL)
    account(council)
    with running(council, "data.testham.gov.uk", Encryption(proxy="127.0.0.1")) as address:
        yield address


def test_what_did_not_come_over_tls_is_refused_and_no_project_is_open_to_others(proxied, council):
    plain = requests.get(f"{proxied}/login", headers={"Host": "data.testham.gov.uk"}, timeout=30)
    assert plain.status_code == 403 and "https only" in plain.text
    assert requests.get(f"{proxied}/health", timeout=30).status_code == 200
    other = requests.get(f"{proxied}/login", headers={**PROXIED, "Host": "evil.example.org"}, timeout=30)
    assert other.status_code == 400
    # The accounts go away while it runs: it does not become everybody's.
    for file in (council.root / ".vestry").glob("access.sqlite*"):
        file.unlink()
    there = requests.get(f"{proxied}/products", headers=PROXIED, timeout=30, allow_redirects=False)
    assert there.status_code in (303, 400) and "Testham" not in there.text


def test_over_tls_cookies_are_the_hosts_own_and_forms_come_from_https(proxied):
    one = Person(proxied)
    page = one.get("/login", headers=PROXIED)
    browser = re.search(r"(__Host-vestry-login=[^;]+);", page.headers["set-cookie"])[1]
    assert "Secure" in page.headers["set-cookie"] and page.headers["strict-transport-security"]
    word = re.search(r'name="csrf" value="([0-9a-f]+)"', page.text)[1]
    sent = {"csrf": word, "name": "jo", "password": PASSWORD}
    headers = {**PROXIED, "Cookie": browser, "Origin": "http://data.testham.gov.uk"}
    assert requests.post(f"{proxied}/login", sent, headers=headers, timeout=30).status_code == 403
    headers["Origin"] = "https://data.testham.gov.uk"
    answer = requests.post(f"{proxied}/login", sent, headers=headers, timeout=30, allow_redirects=False)
    cookie = answer.headers["set-cookie"]
    assert answer.status_code == 303 and re.search(r"__Host-vestry-session=[^;]+; .*Secure", cookie)
    session = re.search(r"__Host-vestry-session=[^;]+", cookie)[0]
    account_page = requests.get(f"{proxied}/account", headers={**PROXIED, "Cookie": session}, timeout=30)
    assert account_page.status_code == 200
    # The name of the loopback's cookie is not taken for it.
    plain = {**PROXIED, "Cookie": session.removeprefix("__Host-")}
    assert requests.get(f"{proxied}/account", headers=plain, timeout=30, allow_redirects=False).status_code == 303


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for the loopback address, of its own making."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "key.pem").write_bytes(private)
    return folder / "cert.pem", folder / "key.pem"


@pytest.mark.slow
def test_with_a_certificate_it_speaks_tls_itself(council, tmp_path):
    council.write("vestry.toml", URL)
    account(council)
    cert, key = certificate(tmp_path)
    process = subprocess.Popen(
        command("serve", "-C", str(council.root), "--port", "0", "--host", "0.0.0.0", "--cert", str(cert), "--key", str(key)),
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        port = int(re.search(r"https://0\.0\.0\.0:(\d+)", process.stdout.readline())[1])
        one = Person(f"https://localhost:{port}")
        one.session.verify, one.session.trust_env = str(cert), False
        page = None
        while page is None:
            assert process.poll() is None
            try:
                page = one.get("/login")
            except requests.exceptions.SSLError:
                raise
            except requests.ConnectionError:
                time.sleep(0.05)
        assert page.status_code == 200 and "__Host-vestry-login=" in page.headers["set-cookie"]
        assert one.log_in().url == f"{one.address}/" and "You are logged in as" in one.get("/products").text
        one.session.close()
    finally:
        process.terminate()
        process.communicate(timeout=60)
