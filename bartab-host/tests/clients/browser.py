"""A person at a browser without JavaScript: opens pages, fills forms in, presses buttons."""

from html.parser import HTMLParser
from urllib.parse import urljoin

import requests


class _Forms(HTMLParser):
    """Every form of a page: where it goes, its fields, its buttons."""

    def __init__(self):
        super().__init__()
        self.forms = []

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "form":
            self.forms.append({"action": attrs.get("action", ""), "fields": {}, "types": {}, "buttons": []})
        elif not self.forms:
            return
        elif tag == "input":
            form, name = self.forms[-1], attrs.get("name")
            if attrs.get("type") == "submit":
                form["buttons"].append((name, attrs.get("value", "")))
            elif name:
                form["fields"][name] = attrs.get("value", "")
                form["types"][name] = attrs.get("type", "text")
        elif tag == "button":
            self.forms[-1]["buttons"].append((attrs.get("name"), attrs.get("value", "")))


class Browser:
    """Keeps cookies, as a browser does, and stops where the redirect URI of a client begins."""

    def __init__(self):
        self.session = requests.Session()

    def sign_in_and_allow(self, url, redirect_uri, username, password):
        """Follows `url` through sign-in and consent; gives the URL that the client is sent back to."""
        response = self.session.get(url, allow_redirects=False)
        for _ in range(10):
            if response.is_redirect:
                target = urljoin(response.url, response.headers["location"])
                if target.startswith(redirect_uri):
                    return target
                response = self.session.get(target, allow_redirects=False)
                continue
            assert response.status_code == 200, (response.status_code, response.text)
            response = self._submit(response, username, password)
        raise AssertionError("the pages never lead back to the client")

    def _submit(self, response, username, password):
        parser = _Forms()
        parser.feed(response.text)
        form = next(form for form in parser.forms if form["buttons"] or form["fields"])
        fields = dict(form["fields"])
        for name, kind in form["types"].items():
            if kind == "password":
                fields[name] = password
            elif name == "username":
                fields[name] = username
        # The first button is the one that goes on.
        name, value = form["buttons"][0]
        if name:
            fields[name] = value
        origin = "/".join(response.url.split("/")[:3])
        return self.session.post(
            urljoin(response.url, form["action"]), data=fields, headers={"origin": origin}, allow_redirects=False
        )
