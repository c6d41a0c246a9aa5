"""PyPI `PyJWT`: its JWKS client verifies access tokens, also after the keys have been rotated."""

import os

import jwt
import requests

ISSUER = os.environ["ISSUER"]


def sign_in():
    answer = requests.post(
        ISSUER + "/v1/auth/login", json={"username": os.environ["PERSON"], "password": os.environ["PASSWORD"]}
    )
    assert answer.status_code == 200, answer.text
    return answer.json()["access_token"]


def verify(keys, token):
    key = keys.get_signing_key_from_jwt(token)
    claims = jwt.decode(token, key, algorithms=["EdDSA", "ES256", "RS256"], audience=ISSUER, issuer=ISSUER)
    assert jwt.get_unverified_header(token)["typ"] == "at+jwt"
    return key.key_id, claims


def main():
    metadata = requests.get(ISSUER + "/.well-known/openid-configuration").json()
    keys = jwt.PyJWKClient(metadata["jwks_uri"], cache_keys=True, cooldown_duration=0)
    token = sign_in()
    first, claims = verify(keys, token)
    assert claims["sub"].startswith("user_") and claims["name"] == os.environ["PERSON"], claims

    rotated = requests.post(
        ISSUER + "/v1/admin/keys/rotate",
        json={"reason": "a test of rotation", "now": True},
        headers={"authorization": "Bearer " + os.environ["ADMIN_TOKEN"]},
    )
    assert rotated.status_code in (200, 201), rotated.text
    second, _ = verify(keys, sign_in())
    assert first != second
    # A token of the key before is good until it runs out.
    assert verify(keys, token)[0] == first

    for bad in (token[:-8] + "AAAAAAAA", token.rsplit(".", 1)[0] + "."):
        try:
            verify(keys, bad)
        except jwt.InvalidTokenError:
            continue
        raise AssertionError("a bad token was taken")
    print("PyJWT: ok")


main()
