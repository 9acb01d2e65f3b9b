"""The service as a program sees it from outside: a client of the HTTP API. Loads nothing but httpx.

```python
with Client("http://127.0.0.1:8000", key) as client:
    submitted = client.submit_file(Path("talk.wav"), {"language": "en"})
    job = client.wait(submitted["job"]["id"])
    subtitles = client.transcript(submitted["recording"]["id"], "srt")
```
"""

from api.client.client import Client
from api.client.errors import ApiError, RequestRefused, SourceChanged, Unreachable
from api.client.following import has_ended
from api.client.options import SubmitOptions
from api.client.pace import Pace

__all__ = [
    "ApiError",
    "Client",
    "Pace",
    "RequestRefused",
    "SourceChanged",
    "SubmitOptions",
    "Unreachable",
    "has_ended",
]
