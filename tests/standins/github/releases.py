"""The runner's releases: `downloads`, release pages, the tarballs.

github.com redirects the download of a release's asset to another host, with
a signed query; here it is another path.  Ranges are served, so that a broken
download can be resumed.
"""

import hashlib
import os
import re
import urllib.parse

from . import credentials
from .entities import Account, Asset
from .httpd import Response, file_response
from .rest import RUNNERS, routes as rest_routes
from .restauth import not_found
from .routing import Router
from .shapes import release_json

routes = Router()

RELEASES = "/actions/runner/releases/download"
NAME = re.compile(r"actions-runner-(?P<os>\w+)-(?P<architecture>\w+)-"
                  r"(?P<version>\d+\.\d+\.\d+)\.tar\.gz")


def asset_from(path, **attributes):
    """Make an Asset of a tarball; its usual name tells what it is."""
    filename = attributes.pop("filename", None) or os.path.basename(path)
    told = NAME.fullmatch(filename)
    known = {"os": "linux", "architecture": "x64",
             **(told.groupdict() if told else {}),
             **{key: value for key, value in attributes.items()
                if value is not None}}
    if "version" not in known:
        raise ValueError(f"{filename} does not tell its version")
    if not told:
        filename = ("actions-runner-{os}-{architecture}-{version}.tar.gz"
                    .format(**known))
    digest, size = hashlib.sha256(), 0
    with open(path, "rb") as stream:
        while part := stream.read(1 << 20):
            digest.update(part)
            size += len(part)
    known.setdefault("sha256_checksum", digest.hexdigest())
    return Asset(filename=filename, path=os.path.abspath(path), size=size,
                 sha256=digest.hexdigest(), **known)


def newest(assets):
    """Return the assets of the newest of their versions."""
    def key(asset):
        return tuple(int(part) for part in asset.version.split("."))

    top = max(map(key, assets), default=None)
    return [asset for asset in assets if key(asset) == top]


def download_url(request, asset):
    """Return where an asset is downloaded from."""
    return f"{request.base}{RELEASES}/v{asset.version}/{asset.filename}"


@rest_routes.add("GET", RUNNERS + "/downloads")
async def downloads(app, request, caller, scope):
    """List what the newest listed release has for this scope's runners.

    Releases roll out progressively: one that is not `listed` exists already
    and is not offered here.
    """
    caller.need_runners(scope)
    entries = []
    for asset in newest([item for item in app.state.assets if item.listed]):
        entry = {"os": asset.os, "architecture": asset.architecture,
                 "download_url": download_url(request, asset),
                 "filename": asset.filename}
        if asset.sha256_checksum:
            entry["sha256_checksum"] = asset.sha256_checksum
        if asset.temp_download_token:
            entry["temp_download_token"] = asset.temp_download_token
        entries.append(entry)
    return Response.json(entries)


def release_of(request, assets):
    """Answer with the release that these assets belong to."""
    if not assets:
        raise not_found()
    return Response.json(release_json(
        assets[0].version,
        [(asset, download_url(request, asset)) for asset in assets],
        Account(2, "actions"), request.base))


@rest_routes.add("GET", "/repos/actions/runner/releases/tags/v{version}")
async def release(app, request, _caller, version):
    """Show a release; no token needed."""
    found = [asset for asset in app.state.assets if asset.version == version]
    return release_of(request, found)


@rest_routes.add("GET", "/repos/actions/runner/releases/latest")
async def latest(app, request, _caller):
    """Show the newest release, listed or not."""
    return release_of(request, newest(app.state.assets))


@routes.add("GET", RELEASES + "/v{version}/{filename}")
async def download(app, request, version, filename):
    """Redirect to where the bytes are; a token is not needed."""
    if not any((asset.version, asset.filename) == (version, filename)
               for asset in app.state.assets):
        return Response.text("Not Found", 404)
    expires = int(app.state.clock()) + 3600
    query = urllib.parse.urlencode({
        "se": expires,
        "sig": credentials.sign(f"{version} {filename} {expires}")})
    return Response(302, b"", {
        "Location": f"{request.base}/_releases/{version}/{filename}?{query}"})


@routes.add("GET", "/_releases/{version}/{filename}")
async def download_bytes(app, request, version, filename):
    """Give a tarball to who was redirected here."""
    query = request.query
    right = credentials.sign(f"{version} {filename} {query.get('se')}")
    if query.get("sig") != right:
        return Response.text("AuthenticationFailed", 403)
    for asset in app.state.assets:
        if (asset.version, asset.filename) == (version, filename):
            return file_response(request, asset.path, {
                "Content-Type": "application/octet-stream",
                "ETag": f'"{asset.sha256[:32]}"'})
    return Response.text("Not Found", 404)
