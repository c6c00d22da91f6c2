"""The AWS CLI as a server. Each command runs in a fork of this process, which has loaded the CLI once: to load it takes
0.4 s of CPU time, and the runbook has 150 commands. The command gets the arguments, folder, environment and standard
streams of its caller (`aws_client.py`)."""

import contextlib
import io
import json
import os
import signal
import socket
import struct
import sys
import traceback

import awscli.clidriver

signal.signal(signal.SIGCHLD, signal.SIG_IGN)
# Loads what every command imports.
with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
    awscli.clidriver.create_clidriver().main(["--version"])

listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
# Whoever reads this knows that the server listens, and which Python runs it.
print(sys.executable, flush=True)

while True:
    connection, _ = listener.accept()
    if os.fork():
        connection.close()
        continue
    listener.close()
    length, streams, _, _ = socket.recv_fds(connection, 4, 3)
    body = connection.makefile("rb").read(struct.unpack("!I", length)[0])
    asked = json.loads(body)
    for target, stream in enumerate(streams):
        os.dup2(stream, target)
    os.chdir(asked["folder"])
    # The CLI finds its own data there.
    data = os.environ["AWS_DATA_PATH"]
    os.environ.clear()
    os.environ.update(asked["environment"], AWS_DATA_PATH=data)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    code = 255
    try:
        sys.argv = ["aws", *asked["arguments"]]
        code = awscli.clidriver.create_clidriver().main(asked["arguments"])
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        connection.sendall(bytes([code & 255]))
        os._exit(0)
