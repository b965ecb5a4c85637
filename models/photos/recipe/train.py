"""Self-distillation: the unchanged network at 224 pixels teaches its copy to see 192 and to live with int8 weights.

No label is used. A checkpoint is written every three minutes; the same command goes on from it.
"""
import argparse
import csv
import math
import time
from pathlib import Path

import torch
import torch.nn.functional as F

import data
from network import original


def divergence(student, teacher):
    """KL(teacher || student), mean over the batch."""
    return F.kl_div(F.log_softmax(student, 1), F.softmax(teacher, 1), reduction="batchmean")


@torch.no_grad()
def agreement(student, teacher, paths):
    """Over two fixed views of each held-out photo: the mean divergence and the share of equal first labels."""
    rng = data.random.Random(7)
    pairs = [data.view(image, rng, 0.4) for path in paths for image in [data.load(path)] for _ in range(2)]
    large, small = (data.tensor(images) for images in zip(*pairs))
    ours, theirs = student(small)[0], teacher(large)[0]
    return divergence(ours, theirs).item(), (ours.argmax(1) == theirs.argmax(1)).float().mean().item()


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--photos", default=data.SHARED / "images/photos", type=Path)
    options.add_argument("--data", default=data.SHARED / "data", type=Path)
    options.add_argument("--work", default="/tmp/photos-model", type=Path)
    options.add_argument("--minutes", type=float, default=60)
    options.add_argument("--batch", type=int, default=32)
    options.add_argument("--rate", type=float, default=4e-5)
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--fp32", action="store_true", help="for processors without bfloat16")
    options = options.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    options.work.mkdir(parents=True, exist_ok=True)
    checkpoint = options.work / "checkpoint.pt"

    training, held = data.photos(options.photos)
    teacher, student, mean = original().eval().requires_grad_(False), original(), original().requires_grad_(False)
    for network in (teacher, student, mean):
        network.to(memory_format=torch.channels_last)
    student.set_rounding(True)
    optimiser = torch.optim.Adam(student.parameters(), lr=options.rate, betas=(0.9, 0.99))
    spent, step, images = 0.0, 0, 0
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        student.load_state_dict(state["student"]), mean.load_state_dict(state["mean"])
        optimiser.load_state_dict(state["optimiser"])
        spent, step, images = state["spent"], state["step"], state["images"]
    views = data.Views(training, options.data, seed=1 + step)
    log = (options.work / "log.csv").open("a", newline="")
    rows = csv.writer(log)

    def report():
        mean.set_rounding(True)
        kl, same = agreement(mean, teacher, held)
        rows.writerow([step, images, f"{spent / 60:.1f}", f"{kl:.4f}", f"{same:.4f}"])
        log.flush()
        print(f"step {step}, {images} images, {spent / 60:.1f} min: held-out KL {kl:.4f}, same first {same:.4f}", flush=True)
        torch.save({"student": student.state_dict(), "mean": mean.state_dict(), "optimiser": optimiser.state_dict(),
                    "spent": spent, "step": step, "images": images}, checkpoint)

    if step == 0:
        rows.writerow(["step", "images", "minutes", "held-out KL", "same first label"])
        report()
    last = spent
    while spent < options.minutes * 60:
        start = time.monotonic()
        progress = spent / (options.minutes * 60)
        for group in optimiser.param_groups:
            group["lr"] = options.rate * min(1, (step + 1) / 30) * (0.5 + 0.5 * math.cos(math.pi * progress))
        large, small = views.batch(options.batch)
        with torch.autocast("cpu", torch.bfloat16, enabled=not options.fp32):
            with torch.no_grad():
                theirs = teacher(large)[0]
            ours = student(small)[0]
        loss = divergence(ours.float(), theirs.float())
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        decay = min(0.98, step / (step + 10))
        with torch.no_grad():
            for ours, theirs in zip(mean.parameters(), student.parameters()):
                ours.lerp_(theirs, 1 - decay)
        step, images = step + 1, images + options.batch
        spent += time.monotonic() - start
        if spent - last > 180:
            last = spent
            report()
    report()


if __name__ == "__main__":
    main()
