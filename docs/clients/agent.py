"""An agent in plain Python, on the standard library alone: it answers each prompt in upper case.

OIO_URL=http://127.0.0.1:8787 OIO_TOKEN=<a token with the role agent> python3 agent.py
"""
import concurrent.futures, http.client, json, os, pathlib, random, secrets, time, urllib.error, urllib.request

POOL = concurrent.futures.ThreadPoolExecutor()

def post(path, body, token):  # All requests may be repeated, so this goes on until it is answered.
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{os.environ['OIO_URL']}/api/v1/{path}", json.dumps(body).encode(), headers)
    while True:
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return response.status, json.loads(response.read() or "null")
        except urllib.error.HTTPError as error:
            if error.code < 500:
                return error.code, json.loads(error.read())
        except (OSError, http.client.HTTPException):
            pass  # The control plane cannot be reached now.
        time.sleep(random.uniform(0, 5))

def think(prompt):
    return prompt.upper()

def work(task, token):
    lease, handled = f"leases/{task['task_id']}/{task['epoch']}", 0
    prompts, answers = {message["number"]: message["text"] for message in task["input"]["messages"]}, []
    def goes_on(status, answer):
        nonlocal handled
        for command in answer.get("commands", []):
            handled = command["id"]
            if command["type"] == "message":
                prompts[command["data"]["number"]] = command["data"]["text"]
            elif command["type"] in ("pause", "stop", "cancel"):
                reason = "paused" if command["type"] == "pause" else "stopped"
                return post(f"{lease}/release", {"reason": reason}, token) is None
        return status == 200 and not answer.get("final")  # Otherwise, the lease is over.
    def report(*events):  # A report without events keeps the lease, and brings commands.
        return goes_on(*post(f"{lease}/events", {"events": events, "acknowledged_command": handled}, token))
    if not report():  # The first report takes the lease, or another agent has it.
        return
    while True:
        while len(answers) < len(prompts):
            thought = POOL.submit(think, prompts[sorted(prompts)[len(answers)]])
            while concurrent.futures.wait([thought], timeout=15).not_done:
                if not report():
                    return
            answers.append(thought.result())
            text = {"message_id": str(len(answers)), "part_id": "1", "offset": 0, "text": answers[-1]}
            if not report({"n": len(answers), "type": "text.delta", "data": text}):
                return
        result = {"status": "completed", "output": "\n".join(answers), "acknowledged_command": handled}
        if not goes_on(*post(f"{lease}/result", result, token)):
            return

if __name__ == "__main__":
    secret = pathlib.Path("agent.secret")  # With it, the agent keeps its id when it starts again.
    if not secret.exists():
        os.umask(0o077)
        secret.with_suffix(".new").write_text(secrets.token_hex(32))
        secret.with_suffix(".new").rename(secret)
    profile = {"name": "AGENT-PYTHON", "agent_type": "implementer", "capabilities": [], "secret": secret.read_text()}
    status, agent = post("agents", profile, os.environ["OIO_TOKEN"])
    while status < 300:
        status, agent["work"] = post(f"agents/{agent['id']}/claim", {"wait_seconds": 25}, agent["token"])
        for task in agent["work"].get("assignments", []):
            print("works on", task["title"], flush=True)
            work(task, agent["token"])
    raise SystemExit(agent.get("work", agent)["detail"])
