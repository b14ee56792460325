"""What a machine needs before it can work: locked, checksummed models and data sets.

    ensure("smollm2-135m-instruct")   a name of the catalog -> a verified local path
    locate("hub:org/name@revision")   anything else: hub:, url:...#sha256=..., path:, a plain path

Fetched once, verified on use, cached, never imported or executed.

    locked        what is locked                      cache, content   folders, locks, checksums
    store, check  ensure, verify, remove              packages, hub    where content comes from
    sources       ad-hoc specs                        simple           which links an index offers
    bring         files a person carried here         transfer, web    bytes over HTTP
    derive        GGUF -> safetensors                 pip_settings     index, proxy, certificates
"""

from srlr.assets.cache import Progress, cache_dir
from srlr.assets.check import State
from srlr.assets.locked import Asset, catalog
from srlr.assets.sources import locate
from srlr.assets.store import ensure, glance, remove, verify

__all__ = [
    "Asset",
    "Progress",
    "State",
    "cache_dir",
    "catalog",
    "ensure",
    "glance",
    "locate",
    "remove",
    "verify",
]
