"""PyPI `authlib` as people use it: an application's "sign in with", refresh, and a bot's own token."""

import os

import requests
from authlib.integrations.flask_client import OAuth
from authlib.integrations.requests_client import OAuth2Session
from flask import Flask, jsonify, url_for

from browser import Browser

ISSUER = os.environ["ISSUER"]
METADATA = ISSUER + "/.well-known/openid-configuration"
REDIRECT_URI = os.environ["REDIRECT_URI"]

app = Flask(__name__)
app.secret_key = "only for this run"
oauth = OAuth(app)
oauth.register(
    "bartab",
    client_id=os.environ["CLIENT_ID"],
    client_secret=os.environ["CLIENT_SECRET"],
    server_metadata_url=METADATA,
    client_kwargs={
        "scope": "openid profile offline_access chat:read chat:write",
        "code_challenge_method": "S256",
    },
)


@app.route("/login")
def login():
    return oauth.bartab.authorize_redirect(REDIRECT_URI)


@app.route("/callback")
def callback():
    return jsonify(oauth.bartab.authorize_access_token())


def main():
    # The application's side runs in Flask's test client, the person's in a browser.
    application = app.test_client()
    start = application.get("/login")
    assert start.status_code == 302, start.data
    back = Browser().sign_in_and_allow(
        start.headers["location"], REDIRECT_URI, os.environ["PERSON"], os.environ["PASSWORD"]
    )
    answer = application.get("/callback?" + back.partition("?")[2])
    assert answer.status_code == 200, answer.data
    token = answer.get_json()
    # authlib has checked signature, issuer, audience, nonce and times of the ID token.
    assert token["userinfo"]["iss"] == ISSUER and token["userinfo"]["aud"] == os.environ["CLIENT_ID"], token
    assert token["token_type"] == "Bearer" and token["refresh_token"]

    metadata = requests.get(METADATA).json()
    session = OAuth2Session(
        os.environ["CLIENT_ID"], os.environ["CLIENT_SECRET"], token=token, token_endpoint=metadata["token_endpoint"]
    )
    claims = session.get(metadata["userinfo_endpoint"]).json()
    assert claims["sub"] == token["userinfo"]["sub"], claims
    assert claims["preferred_username"] == os.environ["PERSON"], claims
    assert session.get(ISSUER + "/v1/rooms").status_code == 200
    fresh = session.refresh_token(metadata["token_endpoint"], refresh_token=token["refresh_token"])
    assert fresh["refresh_token"] != token["refresh_token"]
    assert session.get(metadata["userinfo_endpoint"]).json()["sub"] == claims["sub"]
    known = session.introspect_token(metadata["introspection_endpoint"], token=fresh["access_token"]).json()
    assert known["active"] and known["sub"] == claims["sub"], known
    assert session.revoke_token(metadata["revocation_endpoint"], token=fresh["refresh_token"]).status_code == 200
    assert session.get(ISSUER + "/v1/rooms").status_code == 401
    known = session.introspect_token(metadata["introspection_endpoint"], token=fresh["access_token"]).json()
    assert known == {"active": False}, known

    bot = OAuth2Session(
        os.environ["BOT_CLIENT_ID"],
        os.environ["BOT_CLIENT_SECRET"],
        scope="chat:read chat:write",
        token_endpoint=metadata["token_endpoint"],
    )
    own = bot.fetch_token(grant_type="client_credentials")
    assert "refresh_token" not in own, own
    room = bot.post(ISSUER + "/v1/rooms/" + os.environ["ROOM"] + "/join", json={})
    assert room.status_code in (200, 201), room.text
    said = bot.post(ISSUER + "/v1/rooms/" + os.environ["ROOM"] + "/messages", json={"text": "beep"})
    assert said.status_code == 201 and said.json()["bot"] is True, said.text
    print("authlib: ok")


main()
