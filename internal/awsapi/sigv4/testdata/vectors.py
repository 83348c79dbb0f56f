#!/usr/bin/env python3
"""Writes vectors.json: requests as botocore signs them.

The credentials, time and the shapes of the cases are those of AWS's Signature
Version 4 test suite; the signatures are computed by botocore (Apache-2.0), a signer
that shares no code with the verifier under test. Run: python3 vectors.py > vectors.json
"""
import datetime
import json

from botocore import auth, awsrequest, credentials

WHEN = datetime.datetime(2015, 8, 30, 12, 36, 0)


class Frozen(datetime.datetime):
    @classmethod
    def utcnow(cls):
        return WHEN

    @classmethod
    def now(cls, tz=None):
        return WHEN.replace(tzinfo=tz)


auth.datetime = type("M", (), {"datetime": Frozen})
auth.get_current_datetime = lambda *a, **k: WHEN

CASES = [
    # name, method, target, headers, body, query-signed seconds
    ("get-vanilla", "GET", "/", {}, "", 0),
    ("get-vanilla-query-order-key-case", "GET", "/?Param2=value2&Param1=value1", {}, "", 0),
    ("get-vanilla-query-order-value", "GET", "/?Param1=value2&Param1=value1", {}, "", 0),
    ("get-vanilla-empty-query-key", "GET", "/?Param1=value1", {}, "", 0),
    ("get-vanilla-query-unreserved", "GET",
     "/?-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz="
     "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", {}, "", 0),
    ("get-vanilla-utf8-query", "GET", "/?%E1%88%B4=bar", {}, "", 0),
    ("get-utf8", "GET", "/%E1%88%B4", {}, "", 0),
    ("get-space", "GET", "/example%20space/", {}, "", 0),
    ("get-unreserved", "GET", "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", {}, "", 0),
    ("get-relative", "GET", "/example/..", {}, "", 0),
    ("get-relative-relative", "GET", "/example1/example2/../..", {}, "", 0),
    ("get-slash", "GET", "//", {}, "", 0),
    ("get-slash-dot-slash", "GET", "/./", {}, "", 0),
    ("get-slash-pointless-dot", "GET", "/./example", {}, "", 0),
    ("get-slashes", "GET", "//example//", {}, "", 0),
    ("get-header-value-trim", "GET", "/", {"My-Header1": " value1", "My-Header2": ' "a   b   c"'}, "", 0),
    ("post-vanilla", "POST", "/", {}, "", 0),
    ("post-header-key-sort", "POST", "/", {"My-Header1": "value1"}, "", 0),
    ("post-header-value-case", "POST", "/", {"My-Header1": "VALUE1"}, "", 0),
    ("post-sts-header-token", "POST", "/", {}, "", 0),
    ("post-vanilla-query", "POST", "/?Param1=value1", {}, "", 0),
    ("post-x-www-form-urlencoded", "POST", "/",
     {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}, "Param1=value1", 0),
    ("post-json-target", "POST", "/",
     {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "TrentService.ListKeys"}, '{"Limit": 1}', 0),
    ("presigned-get", "GET", "/?Action=GetCallerIdentity&Version=2011-06-15", {}, "", 60),
    ("presigned-get-token", "GET", "/?Action=ListUsers&PathPrefix=%2Fa%20b%2F", {}, "", 3600),
]


def signed(name, method, target, headers, body, seconds):
    token = "a/session+token==" if "token" in name else None
    keys = credentials.Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", token)
    request = awsrequest.AWSRequest(method, "https://example.amazonaws.com" + target, headers=headers, data=body)
    if seconds:
        signer = auth.SigV4QueryAuth(keys, "service", "us-east-1", expires=seconds)
    else:
        signer = auth.SigV4Auth(keys, "service", "us-east-1")
    signer.add_auth(request)
    return {
        "name": name,
        "method": method,
        "target": request.url.removeprefix("https://example.amazonaws.com"),
        "headers": dict(request.headers.items()),
        "body": body,
    }


print(json.dumps([signed(*case) for case in CASES], indent=1, ensure_ascii=True))
