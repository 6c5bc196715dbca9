"""Models on the Hugging Face hub: only the files that are read here are fetched, and the family is seen before the weights.

Files stay in that library's cache on this machine, from where they are taken when there is no network.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Callable
from pathlib import Path

from explorer.models.foreign import INDEX, WEIGHTS, ForeignError, check_has_weights, read_config

REPOSITORY = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)?")
_SMALL = ["config.json", "README.md", "tokenizer.json", "vocab.json", "merges.txt", INDEX]
_LARGE = [WEIGHTS, "model-*-of-*.safetensors"]


def fetch(repository: str, say: Callable[[str], None]) -> tuple[Path, str]:
    """The folder with a repository's files, and the revision they are of. Raises ForeignError in one sentence.

    say: told what is about to be downloaded.
    """
    import huggingface_hub
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError

    where = f"The repository {repository}"
    try:
        info = huggingface_hub.HfApi().model_info(repository, files_metadata=True, timeout=20)
        sizes = {file.rfilename: file.size or 0 for file in info.siblings or ()}
        if "config.json" not in sizes:
            raise ForeignError(f"{where} has no config.json, so it is no model that can be read here.")
        small = huggingface_hub.snapshot_download(repository, revision=info.sha, allow_patterns=_SMALL)
        read_config(Path(small) / "config.json")
        check_has_weights(list(sizes), where)
        patterns = [WEIGHTS] if WEIGHTS in sizes else _LARGE
        large = sum(size for name, size in sizes.items() if name.endswith(".safetensors") and "/" not in name)
        say(f"Downloading {repository}, up to {large / 1e6:,.0f} MB; what is here already is not fetched again.")
        folder = huggingface_hub.snapshot_download(repository, revision=info.sha, allow_patterns=[*_SMALL, *patterns])
        return Path(folder), str(info.sha)
    except ForeignError:
        raise
    except GatedRepoError:
        raise ForeignError(
            f"{where} is given out only to those who accepted its terms; do so on huggingface.co and log in with "
            "`hf auth login`, or choose another."
        ) from None
    except RepositoryNotFoundError:
        raise ForeignError(
            f"There is no model {repository!r} on huggingface.co, or it is private; check the name, as in "
            "openai-community/gpt2."
        ) from None
    except HfHubHTTPError as error:
        raise ForeignError(f"huggingface.co answered with an error: {_first_line(error)}. Try again later.") from None
    except Exception as error:  # the network's many ways to fail, from the name that is not found to a broken line
        if getattr(error, "errno", None) == errno.ENOSPC:
            raise  # the caller knows how to say that the disk is full
        return _cached(repository, _first_line(error))


def _cached(repository: str, reason: str) -> tuple[Path, str]:
    """What an earlier download left; raises ForeignError where it is not whole."""
    import huggingface_hub

    try:
        folder = Path(
            huggingface_hub.snapshot_download(repository, local_files_only=True, allow_patterns=[*_SMALL, *_LARGE])
        )
    except Exception:
        raise ForeignError(
            f"huggingface.co cannot be reached ({reason}) and {repository} is not on this machine; go online once, or give "
            "a local folder or file."
        ) from None
    return folder, folder.name


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:120].rstrip(".")
