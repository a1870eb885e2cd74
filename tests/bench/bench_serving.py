"""How the champion serves many clients at once: `make serve` in one process, this in another.

    python -m tests.bench.bench_serving [http://127.0.0.1:5001]

Every answer is compared with what the reader reads alone; exit code 1 says that one was lost or differs.
"""

import base64
import json
import statistics
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np

from pipeline.common import paths
from pipeline.registry.champion import load_champion, why_unread
from pipeline.synthetic.page import make_pages

CLIENTS, REQUESTS = 32, 500
BROKEN = 0.1


def main(address: str) -> int:
    pictures = make_pictures()
    reader, version = load_champion()
    expected = []
    for encoded in pictures:
        try:
            expected.append(reader.read(encoded).text)
        except ValueError as error:
            expected.append(why_unread(error))
    rng = np.random.default_rng(1)
    asked = [
        rng.integers(len(pictures), size=int(size)).tolist()
        for size in rng.choice([1, 1, 1, 4, 16], REQUESTS)
    ]
    start = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as clients:
        answers = list(clients.map(lambda numbers: ask(address, [pictures[k] for k in numbers]), asked))
    seconds = time.perf_counter() - start
    lost = sum(status != 200 for status, _, _ in answers)
    differing = sum(
        read != [expected[k] for k in numbers]
        for numbers, (status, read, _) in zip(asked, answers, strict=True)
        if status == 200
    )
    times = [1000 * taken for _, _, taken in answers]
    count = sum(map(len, asked))
    print(f"version {version}: {REQUESTS} requests with {count} pictures from {CLIENTS} clients at once")
    print(f"{lost} lost, {differing} answered otherwise than alone")
    print(f"{REQUESTS / seconds:.0f} requests and {count / seconds:.0f} pictures a second")
    print(
        f"a request: median {statistics.median(times):.0f} ms, 99 % within {np.percentile(times, 99):.0f} ms"
    )
    return int(bool(lost or differing))


def make_pictures() -> list[bytes]:
    """Pages of many sizes as PNG and JPEG, photos of 12 megapixels among them, and files that are damaged."""
    images, labels = paths.read_split("test")
    rng = np.random.default_rng(5)
    pictures = []
    for number, page in enumerate(make_pages(images, labels, 60, seed=5)):
        picture = page.picture
        if number % 20 == 0:
            picture = cv2.resize(picture, (4000, 3000))
        encoded = cv2.imencode((".png", ".jpg")[number % 2], picture)[1].tobytes()
        pictures.append(encoded[: len(encoded) // 3] if rng.random() < BROKEN else encoded)
    return pictures


def ask(address: str, pictures: list[bytes]) -> tuple[int, list[str], float]:
    """Status, texts or errors, and seconds of one request."""
    body = json.dumps({"inputs": [base64.b64encode(picture).decode() for picture in pictures]}).encode()
    request = urllib.request.Request(
        f"{address}/invocations", body, {"Content-Type": "application/json"}, method="POST"
    )
    start = time.perf_counter()
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            rows = json.loads(answer.read())["predictions"]
            status = answer.status
    except urllib.error.HTTPError as error:
        return error.code, [], time.perf_counter() - start
    except OSError:
        return 0, [], time.perf_counter() - start
    return status, [row.get("text", row.get("error")) for row in rows], time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:5001"))
