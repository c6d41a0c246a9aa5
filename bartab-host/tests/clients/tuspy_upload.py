# PyPI `tuspy`: begins an upload in one process and goes on with it in another, from where the server stands.

import hashlib
import os
import sys

import requests
from tusclient import client
from tusclient.storage import filestorage

BASE, TOKEN, FILE, KNOWN = (os.environ[name] for name in ("BASE", "TOKEN", "FILE", "KNOWN"))
CHUNK = 256 * 1024
headers = {"Authorization": f"Bearer {TOKEN}"}

offered = requests.options(f"{BASE}/v1/uploads", headers=headers, timeout=30)
extensions = offered.headers["Tus-Extension"].split(",")
assert {"creation", "creation-with-upload", "checksum", "expiration", "termination"} <= set(extensions), extensions

uploader = client.TusClient(f"{BASE}/v1/uploads", headers=headers).uploader(
    FILE,
    chunk_size=CHUNK,
    metadata={"filename": "from tuspy.bin"},
    store_url=True,
    url_storage=filestorage.FileStorage(KNOWN),
    upload_checksum=True,
    # A connection that breaks within a chunk.
    retries=20,
    retry_delay=0.05,
)
size = uploader.get_file_size()
if sys.argv[1:] == ["begin"]:
    assert uploader.url is None
    uploader.upload(stop_at=2 * CHUNK)
    assert uploader.get_offset() == 2 * CHUNK < size
else:
    # The offset is the server's, by HEAD of the URL that the other process stored.
    assert uploader.offset == 2 * CHUNK, uploader.offset
    uploader.upload()
    assert uploader.offset == size
    location = uploader.request.response_headers["content-location"]
    again = requests.head(uploader.url, headers={**headers, "Tus-Resumable": "1.0.0"}, timeout=30)
    assert again.status_code == 200 and again.headers["Content-Location"] == location, again.headers

    url = requests.compat.urljoin(BASE, location)
    assert url.startswith(f"{BASE}/v1/media/media_"), url
    read = requests.get(url, headers=headers, timeout=30)
    read.raise_for_status()
    with open(FILE, "rb") as file:
        sent = file.read()
    assert read.content == sent
    assert read.headers["ETag"].strip('"') == hashlib.sha256(sent).hexdigest(), read.headers
    assert "from tuspy.bin" in read.headers["Content-Disposition"], read.headers
    # Nobody else: neither a stranger, nor whoever has only the upload's URL.
    assert requests.get(url, timeout=30).status_code == 401
    assert requests.head(uploader.url, headers={"Tus-Resumable": "1.0.0"}, timeout=30).status_code == 401
print("tuspy: ok")
