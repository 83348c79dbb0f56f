"""Runs API scripts (see script.go for the language) with boto3, each against its endpoint.

usage: runner.py ENDPOINT SCRIPT [ENDPOINT SCRIPT …], with a first key in the environment.
"""
import datetime
import json
import re
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

CONFIG = Config(parameter_validation=False, retries={"total_max_attempts": 1})


class Runner:
    def __init__(self, endpoint, path):
        self.endpoint = endpoint
        self.path = path
        self.clients = {}
        self.key = {}
        self.vars = {}
        self.result = None
        self.error = None
        self.unchecked = None  # the line of a failed call whose error no line has expected
        self.failures = 0
        self.skipping = False  # in a block that this botocore does not know

    def fail(self, number, text):
        self.failures += 1
        print("%s:%d: %s" % (self.path, number, text))

    def client(self, service):
        name = (service, tuple(self.key.items()))
        if name not in self.clients:
            self.clients[name] = boto3.client(service, endpoint_url=self.endpoint, config=CONFIG, **self.key)
        return self.clients[name]

    def knows(self, name):
        """Whether this botocore knows SERVICE.Operation, or SERVICE.Shape.Member."""
        service, name, *member = name.split(".")
        model = self.client(service).meta.service_model
        if not member:
            return name in model.operation_names
        return name in model.shape_names and member[0] in model.shape_for(name).members

    def substitute(self, value):
        if isinstance(value, dict):
            return {self.substitute(k): self.substitute(v) for k, v in value.items()}
        if isinstance(value, list):
            return [self.substitute(v) for v in value]
        if not isinstance(value, str):
            return value
        whole = re.fullmatch(r"\$(\w+)|\$\{(\w+)\}", value)
        if whole:
            return self.vars[whole.group(1) or whole.group(2)]
        return self.text(value)

    def text(self, value):
        return re.sub(r"\$\{(\w+)\}|\$(\w+)", lambda m: str(self.vars[m.group(1) or m.group(2)]), value)

    def settle(self):
        if self.unchecked:
            self.fail(self.unchecked, "unexpected error %s" % self.error)
            self.unchecked = None

    def call(self, number, name, arguments):
        self.settle()
        service, method = name.split(".")
        self.error, self.result = None, None
        try:
            self.result = getattr(self.client(service), method)(**self.substitute(arguments))
            self.result.pop("ResponseMetadata")
        except ClientError as e:
            self.error, self.unchecked = e, number

    def lookup(self, path):
        function = re.fullmatch(r"(len|keys)\((.*)\)", path)
        if function:
            value = self.lookup(function.group(2))
            return len(value) if function.group(1) == "len" else sorted(value)
        value = self.result
        # The path "." is the whole answer.
        for part in re.findall(r"[^.\[\]]+", path):
            value = value[int(part)] if isinstance(value, list) else value[part]
        return value

    def plain(self, value):
        if isinstance(value, bytes):
            return value.decode("utf-8", "backslashreplace")
        if isinstance(value, datetime.datetime):
            return value.timestamp()
        if isinstance(value, list):
            return [self.plain(v) for v in value]
        if isinstance(value, dict):
            return {k: self.plain(v) for k, v in value.items()}
        return value

    def check(self, number, line):
        if line.startswith("!"):
            want = self.text(line[1:].strip())
            if self.error is None:
                self.fail(number, "no error, want " + want)
                return
            self.unchecked = None
            response = self.error.response
            got = "%s %d %s" % (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"],
                                response["Error"].get("Message", ""))
            if got.strip() != want and not (want.endswith(".*") and re.fullmatch(re.escape(want[:-2]) + ".*", got, re.S)):
                self.fail(number, "got error\n  %s\nwant\n  %s" % (got.strip(), want))
            return
        if self.error is not None:
            return  # settle reports it
        needs, found, rest = line.partition("] ")
        if found and needs.startswith("["):
            if not self.knows(needs[1:]):
                return
            line = rest
        try:
            if " == " in line:
                path, want = line.split(" == ", 1)
                got, want = self.plain(self.lookup(path.strip())), self.plain(self.substitute(json.loads(want)))
                if got != want:
                    self.fail(number, "%s is %r, want %r" % (path.strip(), got, want))
            elif " ~ " in line:
                path, want = line.split(" ~ ", 1)
                got = str(self.plain(self.lookup(path.strip())))
                if not re.fullmatch(self.text(want), got, re.S):
                    self.fail(number, "%s is %r, which does not match %s" % (path.strip(), got, want))
            else:
                name, path = line.split(" = ", 1)
                self.vars[name.strip()] = self.lookup(path.strip())
        except (KeyError, IndexError) as e:
            self.fail(number, "no %s in %r" % (e, self.plain(self.result)))

    def run(self):
        lines = open(self.path, encoding="utf-8").read().split("\n")
        i = 0
        while i < len(lines):
            number, line = i + 1, lines[i]
            i += 1
            if not line.strip() or line.startswith("#"):
                continue
            if line.startswith("needs ") or line.strip() == "always":
                self.settle()
                unknown = [name for name in line.split()[1:] if not self.knows(name)]
                self.skipping = bool(unknown)
                for name in unknown:
                    print("%s:%d: left out, this botocore has no %s" % (self.path, number, name))
                continue
            if self.skipping:
                continue
            if line.startswith("use "):
                self.settle()
                names = ("aws_access_key_id", "aws_secret_access_key", "region_name", "aws_session_token")
                self.key = dict(zip(names, map(self.text, line.split()[1:])))
                continue
            if line[0] in " \t":
                self.check(number, line.strip())
                continue
            name, _, text = line.partition(" ")
            while True:
                try:
                    arguments = json.loads(text or "{}")
                    break
                except json.JSONDecodeError:
                    if i == len(lines) or not lines[i].startswith(" "):
                        raise
                    text, i = text + lines[i], i + 1
            self.call(number, name, arguments)
        self.settle()
        return self.failures


failures = 0
for endpoint, path in zip(sys.argv[1::2], sys.argv[2::2]):
    failures += Runner(endpoint, path).run()
sys.exit(1 if failures else 0)
