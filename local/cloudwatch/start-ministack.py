"""Starts MiniStack with six corrections. Its command line and everything else stay unchanged.

- MiniStack evaluates an alarm on every new datapoint, over all dimensions of the metric at once and without M of N: one
  message in any queue would raise the alarms of all queues. Here only SetAlarmState changes an alarm.
- In AWS/Lambda, MiniStack counts only calls of the Invoke API. It does not count invocations by a rule, a queue, a
  stream or a schedule, nor failures of asynchronous calls, and it does not log such failures. Here every invocation
  counts once, with its outcome.
- For a metric without dimensions, MiniStack answers from all dimensions at once. Here it answers from the metric
  without dimensions.
- MiniStack takes GetEventSourceMapping for ListEventSourceMappings when it checks permissions. Here they are two actions.
- MiniStack starts a process for each invocation that runs at the same time. A burst of 40 events would start 40 of them,
  which take the CPU from each other. Here at most 6 invocations of a function run at once, and the others wait.
- MiniStack takes the log of an invocation until no line has come for 5 ms. On a busy machine, later lines came with the
  next invocation of the same process, or never. Here all lines come that the process had written when it answered.
"""

import fcntl
import struct
import termios
import threading
import time

from ministack.app import main
from ministack.core import iam_actions, lambda_runtime
from ministack.services import cloudwatch, lambda_svc


def replace(module, name, make):
    """Replaces a function with `make(original)`; exits if this version of MiniStack has no such function."""
    if not callable(getattr(module, name, None)):
        raise SystemExit(f"this MiniStack has no {module.__name__}.{name}, which the local stack must correct")
    setattr(module, name, make(getattr(module, name)))


def count(function_name, **metrics):
    for name, value in metrics.items():
        unit = "Milliseconds" if name == "Duration" else "Count"
        cloudwatch.record_metric("AWS/Lambda", name, value, unit, {"FunctionName": function_name})


def counted(execute):
    def execute_and_count(func, config, event, request_id, started):
        result = execute(func, config, event, request_id, started)
        if result.get("throttle"):
            count(config["FunctionName"], Throttles=1)
        else:
            errors = 1 if result.get("error") else 0
            duration = (time.time() - started) * 1000
            count(config["FunctionName"], Invocations=1, Errors=errors, Throttles=0, Duration=duration)
        return result

    return execute_and_count


AT_ONCE = 6


def few_at_once(execute):
    turns = {}

    # Every invocation has a thread of its own, and none of our functions invokes another one: so waiting blocks nobody.
    def execute_in_turn(func, event):
        name = (func.get("config") or func).get("FunctionName")
        with turns.setdefault(name, threading.BoundedSemaphore(AT_ONCE)):
            return execute(func, event)

    return execute_in_turn


def bytes_waiting(pipe):
    return struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, struct.pack("i", 0)))[0]


def whole_log(drain):
    def drain_whole(worker):
        process = worker._proc
        latest = time.monotonic() + 5
        while process and not process.stderr.closed and bytes_waiting(process.stderr) > 0 and time.monotonic() < latest:
            time.sleep(0.001)
        # The thread that has read the last bytes still puts their lines into the queue.
        return drain(worker, first_line_wait=0.1, idle_confirm=0.03, hard_cap=1)

    return drain_whole


def throttles_only(_emit):
    def emit(function_name, duration_ms, error, throttle):
        # MiniStack reports a throttled call twice: when it is rejected, without a duration, and at the end of Invoke.
        if throttle and not duration_ms:
            count(function_name, Throttles=1)

    return emit


class ExactDimensions(dict):
    """Selects exactly these dimensions, even if there are none."""

    def __bool__(self):
        return True


def telling_get_from_list(action_of):
    def action(method, path):
        names_mapping = [part for part in path.split("/") if part][1:-1] == ["event-source-mappings"]
        return "GetEventSourceMapping" if method == "GET" and names_mapping else action_of(method, path)

    return action


replace(cloudwatch, "_evaluate_alarm", lambda _evaluate: lambda _alarm: None)
replace(lambda_svc, "_execute_function_dispatch", counted)
replace(lambda_svc, "_emit_lambda_metrics", throttles_only)
replace(lambda_svc, "_execute_function_with_config_scope", few_at_once)
replace(lambda_runtime.Worker, "_drain_stderr_bounded", whole_log)
replace(cloudwatch, "_dims_from_list", lambda read: lambda dimensions: ExactDimensions(read(dimensions)))
replace(iam_actions, "_lambda_action", telling_get_from_list)

if __name__ == "__main__":
    main()
