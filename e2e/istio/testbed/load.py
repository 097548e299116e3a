"""Requests while something changes."""

import threading

from .processes import eventually


class Load:
    """Requests of a user, one after the other, from some clients at a time."""

    def __init__(self, site, clients=4):
        self.site, self.answers, self.stopping = site, [], threading.Event()
        self.threads = [threading.Thread(target=self.send_all, daemon=True) for _ in range(clients)]

    def send_all(self):
        token = self.site.token()
        while not self.stopping.is_set():
            try:
                self.answers.append(self.site.to_gateway(token=token))
            except OSError as error:
                self.answers.append(error)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        eventually("the load runs", lambda: len(self.answers) > 20)
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def failed(self):
        return [answer for answer in self.answers if getattr(answer, "status", None) != 200]
