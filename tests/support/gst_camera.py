"""An RTSP camera made with GStreamer, as a second opinion beside our own: run by the system's Python.

``/usr/bin/python3 gst_camera.py PORT FPS WIDTH HEIGHT`` prints the port it listens at, and serves /cam.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any


def main(port: int, fps: int, width: int, height: int) -> None:
    """Serve for ever."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    import gi

    gi.require_version("Gst", "1.0")
    gi.require_version("GstRtspServer", "1.0")
    from gi.repository import GLib, Gst, GstRtspServer

    from tests.support.painted import paint

    def configure(_: object, media: Any) -> None:
        """Feed a session: a painted picture whenever one is due."""
        eye = media.get_element().get_child_by_name("eye")
        number = 0

        def push() -> bool:
            nonlocal number
            result = eye.emit("push-buffer", Gst.Buffer.new_wrapped(paint(number, (width, height))))
            number += 1
            return bool(result == Gst.FlowReturn.OK)

        GLib.timeout_add(1000 // fps, push)

    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(str(port))
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(
        "( appsrc name=eye is-live=true do-timestamp=true format=time "
        f"caps=video/x-raw,format=GRAY8,width={width},height={height},framerate={fps}/1 "
        "! videoconvert ! video/x-raw,format=I420 "
        f"! x264enc tune=zerolatency speed-preset=ultrafast key-int-max={fps} threads=1 "
        "! rtph264pay name=pay0 pt=96 config-interval=-1 )"
    )
    factory.connect("media-configure", configure)
    server.get_mount_points().add_factory("/cam", factory)
    server.attach(None)
    print(server.get_bound_port(), flush=True)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:5]))
