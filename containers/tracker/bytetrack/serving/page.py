"""The page that a browser shows at the address of a server on loopback: what it is and how to call it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from string import Template

HEADERS = {
    # Nothing is loaded and nothing runs, and no other page can show this one in a frame.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}

PAGE = Template("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>ByteTrack endpoint</title>
<style>
body { margin: 2rem auto; max-width: 52rem; padding: 0 1.25rem; font: 16px/1.5 system-ui, sans-serif; }
pre { overflow-x: auto; padding: .75rem 1rem; border: 1px solid #7b8c8a66; border-radius: .5rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
</style>
</head>
<body>
<h1>ByteTrack endpoint</h1>
<p>In service. It detects $classes in images of any size (network input $width × $height pixels), and tracks them
through video. It answers programs on this machine only; web pages are refused.</p>
<h2>The objects in an image</h2>
<pre>curl $url -H 'Content-Type: image/jpeg' --data-binary @frame.jpg</pre>
<h2>The tracks of a whole video</h2>
<pre>curl $url -H 'Content-Type: video/mp4' --data-binary @video.mp4</pre>
<h2>Live: the tracks of images or pieces of video, one after another</h2>
<p>A session keeps the IDs from request to request. The answer to the first one has the session's id in the header
<code>X-Amzn-SageMaker-New-Session-Id</code>.</p>
<pre>curl -i $url -H 'X-Amzn-SageMaker-Session-Id: NEW_SESSION' \\
     -H 'Content-Type: application/json' -d '{"frame_rate": 25}'
curl $url -H 'X-Amzn-SageMaker-Session-Id: ID' \\
     -H 'Content-Type: video/mp4' --data-binary @piece.mp4
curl $url -H 'X-Amzn-SageMaker-Session-Id: ID' \\
     -H 'Content-Type: application/json' -d '{"close": true}'</pre>
<p>Replace the names of the files by your own. Complete programs, with files that exist, are on the page Deploy of the
console. <code>GET /ping</code> answers 200 while the server is ready. Frames count from 0.</p>
</body>
</html>
""")
MAX_CLASSES = 12


def render(host: str, classes: Sequence[str], input_size: tuple[int, int]) -> str:
    """Return the page.

    Args:
        host: Host name and port under which the browser reaches the server.
        classes: Class names of the model.
        input_size: Height and width of the network's input in pixels.
    """
    names = ", ".join(classes[:MAX_CLASSES])
    more = f" and {len(classes) - MAX_CLASSES} more classes" if len(classes) > MAX_CLASSES else ""
    height, width = input_size
    return PAGE.substitute(
        url=escape(f"http://{host}/invocations"), classes=escape(names + more), width=width, height=height
    )
