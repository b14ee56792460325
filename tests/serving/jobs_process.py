"""A process that submits six jobs and works on them until it is killed.

    python jobs_process.py URL FILE SECONDS

A line in FILE tells that a job is begun, another that it is done, SECONDS later.
"""

import asyncio
import sys

from srlr.serving import jobs


async def main(url, path, seconds):
    def write(*words):
        with open(path, "a") as file:
            print(*words, file=file)

    async def answer(body):
        write("begun", body["n"])
        await asyncio.sleep(seconds)
        write("done", body["n"])
        return {"text": str(body["n"] * 2)}

    found = await jobs.start(jobs.Place(url, concurrency=2), answer)
    for n in range(6):
        await found.submit({"n": n}, "math", key=str(n))
    write("submitted")
    await asyncio.sleep(3600)


asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3])))
