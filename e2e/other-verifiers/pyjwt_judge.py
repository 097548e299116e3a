"""Judges the cases with PyJWT, as AWS's sample for ALB tokens does: signer, then jwt.decode with ES256."""

import json
import sys

import jwt


def judge(case, document):
    token = case["token"]
    try:
        header = jwt.get_unverified_header(token)
        if header.get("signer") != document["arn"]:
            return "WrongSigner"
        if header.get("client") != document["clientId"]:
            return "WrongClient"
        jwt.decode(token, document["pem"], algorithms=["ES256"], issuer=document["issuer"])
    except jwt.PyJWTError as error:
        return type(error).__name__
    except Exception as error:  # noqa: BLE001, a crash is a verdict too
        return f"crash:{type(error).__name__}"
    return "ok"


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        document = json.load(file)
    print(json.dumps([judge(case, document) for case in document["cases"]]))


main()
