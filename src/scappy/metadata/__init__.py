"""What is known of a cluster beside a capture: objects of its API server, joined to containers and addresses.

Modules: `reading` (bytes to raw objects), `keys` (by what objects are found), `index` (objects found), `objects` (raw objects
to what counts of them), `directory` (which of them a container or an address belongs to, and when), `client` (objects from
a live API server), `pods` (what pods did in a capture), `embedding` (objects in captures).
"""

from scappy.metadata.directory import Directory
from scappy.metadata.reading import RawObjects, read_objects

__all__ = ["Directory", "RawObjects", "read_objects"]
