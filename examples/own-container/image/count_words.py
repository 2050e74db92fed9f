"""Count the words in the files of a job's input: the program of the image."""

from __future__ import annotations

import argparse
import collections
import json
import os
import re
from pathlib import Path

BASE = Path("/opt/ml/processing")


def count_words(source: Path, minimum_length: int) -> collections.Counter[str]:
    """Count the words of a minimum length in all files of a directory."""
    texts = (path.read_text(encoding="utf-8").lower() for path in sorted(source.rglob("*.txt")))
    return collections.Counter(word for text in texts for word in re.findall(rf"\w{{{minimum_length},}}", text))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--most-common", type=int, default=10)
    wanted = parser.parse_args().most_common
    words = dict(count_words(BASE / "input", int(os.environ.get("MINIMUM_LENGTH", "1"))).most_common(wanted))
    (BASE / "output" / "words.json").write_text(json.dumps(words, indent=1), encoding="utf-8")
    print(f"{len(words)} words: {', '.join(words)}")
