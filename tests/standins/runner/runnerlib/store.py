"""The files that hold a registration.

Names, keys, indentation and byte order mark are the runner's; the migrated
variants win over the plain ones where both exist.
"""

import json
import os

SETTINGS = ".runner"
CREDENTIALS = ".credentials"
KEY = ".credentials_rsaparams"
MIGRATED = "_migrated"


def _load(path):
    with open(path, encoding="utf-8-sig") as file:
        return json.load(file)


def _save(path, value, mode=0o644):
    """Written new: the runner deletes an existing file before it writes."""
    if os.path.lexists(path):
        os.unlink(path)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with open(fd, "w", encoding="utf-8-sig") as file:
        json.dump(value, file, indent=2, ensure_ascii=False)


class Store:
    def __init__(self, root):
        self._root = root

    def path(self, name):
        return os.path.join(self._root, name)

    def _exists(self, name):
        return (os.path.isfile(self.path(name))
                or os.path.isfile(self.path(name + MIGRATED)))

    def configured(self):
        return self._exists(SETTINGS)

    def has_credentials(self):
        return self._exists(CREDENTIALS)

    def settings(self):
        return _load(self.path(SETTINGS))

    def migrated_settings(self):
        path = self.path(SETTINGS + MIGRATED)
        return _load(path) if os.path.isfile(path) else None

    def credentials(self):
        path = self.path(CREDENTIALS + MIGRATED)
        if not os.path.isfile(path):
            path = self.path(CREDENTIALS)
        return _load(path)

    def key(self):
        return _load(self.path(KEY))

    def save_settings(self, settings):
        """Members with their type's default value are left out."""
        _save(self.path(SETTINGS),
              {k: v for k, v in settings.items()
               if v not in (None, 0, "") or k == "isHostedServer"})

    def save_credentials(self, client_id, authorization_url):
        _save(self.path(CREDENTIALS), {
            "scheme": "OAuth",
            "data": {"clientId": client_id,
                     "authorizationUrl": authorization_url,
                     "requireFipsCryptography": "True"}})

    def save_key(self, parameters):
        _save(self.path(KEY), parameters, 0o600)

    def _delete(self, *names):
        for name in names:
            for path in (self.path(name), self.path(name + MIGRATED)):
                if os.path.lexists(path):
                    os.unlink(path)

    def delete_credentials(self):
        self._delete(CREDENTIALS, KEY)

    def delete_settings(self):
        self._delete(SETTINGS)


def delete_local(store, terminal):
    """`remove`, and what a Listener does when the server forgot its runner."""
    if store.has_credentials():
        store.delete_credentials()
        terminal.success("Removed .credentials")
    else:
        terminal.line("Does not exist. Skipping Removing .credentials")
    if store.configured():
        store.delete_settings()
        terminal.success("Removed .runner")
    else:
        terminal.line("Does not exist. Skipping Removing .runner")
