"""Trains the `everyday` model and then exports it (see export.py).

    python train.py --data ../../../../shared/data --work /tmp/everyday --minutes 96

Two processes of one thread each, a half batch in each, gradients averaged at every step: on a CPU
that other work also uses this holds its speed better than one process of two threads.
Run again with the same arguments it goes on from the last checkpoint in --work.
"""
import argparse
import csv
import os
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")

import numpy as np
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
import torch.nn.functional as F

from data import DEFAULT, HERE, MEAN, STD, training
from network import Network

MIX = {"cifar100": 93, "cifar10": 35}  # images of each set in a process's half batch of 128
BATCH = sum(MIX.values())
PEAK_LR, WEIGHT_DECAY, MOMENTUM, SMOOTHING = 0.3, 5e-4, 0.9, 0.1
WARM_UP = 0.08
SIZES = ((0.25, 24), (0.45, 28), (1.0, 32))  # picture size until this part of the training


def schedule(progress):
    lr = PEAK_LR * min(progress / WARM_UP, (1 - progress) / (1 - WARM_UP))
    return max(lr, 1e-5), next(size for end, size in SIZES if progress < end or end == 1.0)


def augment(images, size, rng):
    """uint8 [N,32,32,3] → normalised float [N,3,size,size], the whole batch at once.

    Half of the pictures are moved by whole pixels only and stay sharp; the others are random-resized:
    a window of 0.65 to 1.2 times the picture, of another shape, some turned a little. All may be mirrored,
    have their light and colour changed, and lose a square.
    """
    n = len(images)
    uniform = lambda low, high: torch.rand(n, generator=rng) * (high - low) + low
    sharp = torch.rand(n, generator=rng) < 0.5
    window = torch.where(sharp, torch.tensor(size / 32), uniform(0.65, 1.2))
    shape = torch.where(sharp, torch.tensor(1.0), torch.exp(uniform(-0.18, 0.18)))
    turned = ~sharp & (torch.rand(n, generator=rng) < 0.4)
    angle = torch.where(turned, uniform(-0.3, 0.3), torch.tensor(0.0))
    mirror = torch.where(torch.rand(n, generator=rng) < 0.5, -1.0, 1.0)
    move = torch.rand(n, 2, generator=rng) * 2 - 1
    whole = torch.randint(-4, 5, (n, 2), generator=rng) / 16
    free = move * (0.10 + 0.8 * (1 - window).clamp(min=0))[:, None]
    shift = torch.where(sharp[:, None], whole, free)
    theta = torch.empty(n, 2, 3)
    theta[:, 0, 0] = angle.cos() * window * shape * mirror
    theta[:, 0, 1] = -angle.sin() * window
    theta[:, 1, 0] = angle.sin() * window * mirror
    theta[:, 1, 1] = angle.cos() * window / shape
    theta[:, :, 2] = shift
    x = torch.from_numpy(images).permute(0, 3, 1, 2).float().div_(255)
    grid = F.affine_grid(theta, (n, 3, size, size), align_corners=False)
    x = F.grid_sample(x, grid, mode="bilinear", padding_mode="reflection", align_corners=False)

    column = lambda v: v[:, None, None, None]
    grey = (x * torch.tensor([0.299, 0.587, 0.114])[None, :, None, None]).sum(1, keepdim=True)
    colour = torch.where(torch.rand(n, generator=rng) < 0.04, torch.tensor(0.0), uniform(0.7, 1.3))
    x = grey + (x - grey) * column(colour)
    middle = grey.mean((2, 3), keepdim=True)
    x = (x - middle) * column(uniform(0.75, 1.25)) + middle * column(uniform(0.8, 1.2))
    x = (x.clamp_(0, 1) - torch.tensor(MEAN)[None, :, None, None]) / torch.tensor(STD)[None, :, None, None]

    cut = torch.where(torch.rand(n, generator=rng) < 0.5, uniform(0.25, 0.5), torch.tensor(-1.0)) * size / 2
    line = torch.arange(size) + 0.5
    far = lambda centre: (line[None] - centre[:, None]).abs()
    hole = (far(uniform(0, size))[:, :, None] < cut[:, None, None]) & (far(uniform(0, size))[:, None, :] < cut[:, None, None])
    return x.masked_fill_(hole[:, None], 0.0).contiguous(memory_format=torch.channels_last)


class Source:
    """One set's images in an endless order, a new permutation for each pass; needs no state but the step."""

    def __init__(self, images, labels, seed):
        self.images, self.labels, self.seed = images, labels, seed
        self.orders = {}

    def take(self, start, count):
        chosen = []
        while count:
            turn, at = divmod(start, len(self.labels))
            if turn not in self.orders:
                self.orders = {turn: np.random.default_rng((self.seed, turn)).permutation(len(self.labels))}
            part = self.orders[turn][at:at + count]
            chosen.append(part)
            start, count = start + len(part), count - len(part)
        chosen = np.concatenate(chosen)
        return self.images[chosen], self.labels[chosen]


def normalise(images):
    x = torch.from_numpy(images).permute(0, 3, 1, 2).float().div_(255)
    return (x - torch.tensor(MEAN)[None, :, None, None]) / torch.tensor(STD)[None, :, None, None]


@torch.no_grad()
def accuracy(model, images, labels, fast):
    model.eval()
    right = 0
    for i in range(0, len(labels), 500):
        x = normalise(images[i:i + 500]).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=fast):
            right += (model(x).argmax(1).numpy() == labels[i:i + 500]).sum()
    return right / len(labels)


def worker(rank, world, args):
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    dist.init_process_group("gloo", init_method=f"file://{args.work}/rendezvous", rank=rank, world_size=world)
    sources, held = {}, {}
    for number, set_ in enumerate(MIX):
        train, held[set_] = training(args.data, set_, args.seed)
        sources[set_] = Source(*train, (args.seed, number))
    model = Network().to(memory_format=torch.channels_last)
    average = Network().to(memory_format=torch.channels_last)
    average.load_state_dict(model.state_dict())
    decayed = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    parameters = decayed + others
    optimiser = torch.optim.SGD([{"params": decayed, "weight_decay": WEIGHT_DECAY}, {"params": others}],
                                lr=PEAK_LR, momentum=MOMENTUM, nesterov=True, foreach=True)
    step, elapsed, progress, passed = 0, 0.0, 0.0, 0.0
    checkpoint = args.work / "checkpoint.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(state["model"])
        average.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        step, elapsed, progress = state["step"], state["elapsed"], state["progress"]
    elif rank == 0:
        (args.work / "log.csv").write_text("seconds,step,images,progress,lr,size,loss,held_out_cifar100,held_out_cifar10\n")

    def save():
        state = {"model": model.state_dict(), "average": average.state_dict(), "optimiser": optimiser.state_dict(),
                 "step": step, "elapsed": elapsed + time.monotonic() - begin, "progress": progress,
                 "seed": args.seed, "images": step * BATCH * world}
        torch.save(state, checkpoint.with_suffix(".new"))
        os.replace(checkpoint.with_suffix(".new"), checkpoint)

    begin = saved = time.monotonic()
    noted, losses = progress, []
    flat = torch.zeros(sum(p.numel() for p in parameters) + 1)
    while progress < 1:
        lr, size = schedule(progress)
        for group in optimiser.param_groups:
            group["lr"] = lr
        rng = torch.Generator().manual_seed(((args.seed * 1_000_003 + step) * 2 + rank) & 0x7FFFFFFF)
        batches = [source.take((step * world + rank) * MIX[set_], MIX[set_]) for set_, source in sources.items()]
        x = augment(np.concatenate([b[0] for b in batches]), size, rng)
        y = torch.from_numpy(np.concatenate([b[1] for b in batches]))
        model.train()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=not args.fp32):
            logits = model(x)
        loss = F.cross_entropy(logits.float(), y, label_smoothing=SMOOTHING)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        # One reduction for all gradients; the last element carries the progress, so that the processes agree.
        torch.cat([p.grad.reshape(-1) for p in parameters], out=flat[:-1])
        seconds = elapsed + time.monotonic() - begin
        flat[-1] = max((step + 1) * BATCH * world / args.images, seconds / 60 / args.minutes if args.minutes else 0)
        dist.all_reduce(flat)
        flat /= world
        progress, at = max(progress, float(flat[-1])), 0
        for p in parameters:
            p.grad.copy_(flat[at:at + p.numel()].view(p.shape))
            at += p.numel()
        optimiser.step()
        step += 1
        losses.append(float(loss.detach()))
        if rank == 0 and step % 8 == 0:
            decay = min(0.98, 1 - 1 / (1 + step / 8))
            with torch.no_grad():
                for mine, theirs in zip(average.state_dict().values(), model.state_dict().values()):
                    if mine.dtype.is_floating_point:
                        mine.lerp_(theirs, 1 - decay)
        if rank == 0 and (progress - noted >= args.note or progress >= 1):
            noted = progress
            scores = [accuracy(average, *held[set_], not args.fp32) for set_ in MIX]
            row = [f"{seconds:.0f}", step, step * BATCH * world, f"{progress:.4f}", f"{lr:.4f}", size,
                   f"{np.mean(losses):.4f}", *(f"{s:.4f}" for s in scores)]
            losses = []
            with open(args.work / "log.csv", "a", newline="") as file:
                csv.writer(file, lineterminator="\n").writerow(row)
            print(*row, flush=True)
        if rank == 0 and (time.monotonic() - saved > args.save_every or progress >= 1):
            saved = time.monotonic()
            save()
    dist.barrier()
    dist.destroy_process_group()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=DEFAULT)
    parser.add_argument("--work", type=Path, required=True, help="checkpoint and log go here")
    parser.add_argument("--images", type=float, default=7e6, help="length of the training, in images seen")
    parser.add_argument("--minutes", type=float, help="end by then: the schedule follows the clock where that is ahead of the images")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--note", type=float, default=0.05, help="measure after each such part of the training")
    parser.add_argument("--save-every", type=float, default=180, help="seconds between checkpoints")
    parser.add_argument("--fp32", action="store_true", help="no bfloat16 (for processors without it)")
    parser.add_argument("--no-export", action="store_true")
    args = parser.parse_args()
    args.data, args.work = args.data.resolve(), args.work.resolve()
    args.work.mkdir(parents=True, exist_ok=True)
    (args.work / "rendezvous").unlink(missing_ok=True)
    mp.spawn(worker, (2, args), nprocs=2)
    if not args.no_export:
        import export
        export.main(["--data", str(args.data), "--checkpoint", str(args.work / "checkpoint.pt"),
                     "--log", str(args.work / "log.csv")])


if __name__ == "__main__":
    main()
