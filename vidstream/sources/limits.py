"""What is let in: picture sizes and container formats. Everything that is not listed here is refused."""

from __future__ import annotations

from typing import Final

#: larger pictures are refused before anything is decoded
MAX_PIXELS: Final = 64_000_000
TOO_LARGE: Final = f"pictures above {MAX_PIXELS // 1_000_000} megapixels are refused"

#: libavformat's names of the recordings that are read. Left out on purpose: playlists (they name further
#: files), devices, filters, subtitles, sound, and readers such as `tty` that take any text for a video.
FILE_FORMATS: Final = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,asf,ogg,gif,apng,mjpeg,mpjpeg,h264,hevc,"
    "vvc,obu,ivf,yuv4mpegpipe,nut,mxf,dv,wtv,dhav"
)

#: what may come over a network. HLS names further addresses and sound: the list of protocols, which has no
#: `file`, keeps those off this machine's own files.
STREAM_FORMATS: Final = (
    "rtsp,hls,mpegts,mpjpeg,mjpeg,flv,live_flv,mov,mp4,matroska,webm,h264,hevc,nut,ogg,asf,"
    "aac,ac3,eac3,mp3,webvtt"
)
