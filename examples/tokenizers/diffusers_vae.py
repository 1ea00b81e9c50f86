"""An autoencoder of the diffusers library: AutoencoderKL, VQModel, AutoencoderDC.

    vtbench run --suite text -t 'process:python examples/tokenizers/diffusers_vae.py black-forest-labs/FLUX.1-dev --subfolder vae'

takes the weights from the hub, or from a folder:

    vtbench run --suite text -t 'process:python examples/tokenizers/diffusers_vae.py /models/sd-vae'

Where no hub can be reached, --make writes a small model with random weights, in
the same format, to try the wiring with:

    python examples/tokenizers/diffusers_vae.py tiny-kl --make AutoencoderKL
    vtbench conform 'process:python examples/tokenizers/diffusers_vae.py tiny-kl'

It needs torch, diffusers and the SDK; examples/tokenizers/setup-torch.sh installs
versions that go together.
"""

import vtbench  # first: from here on nothing that prints reaches the protocol

import argparse
import sys

TINY = {
    "AutoencoderKL": dict(
        block_out_channels=(16, 32, 32), layers_per_block=1, latent_channels=4, norm_num_groups=8, sample_size=64,
        down_block_types=("DownEncoderBlock2D",) * 3, up_block_types=("UpDecoderBlock2D",) * 3,
    ),
    "VQModel": dict(
        block_out_channels=(16, 32, 32), layers_per_block=1, latent_channels=4, norm_num_groups=8, num_vq_embeddings=64,
        down_block_types=("DownEncoderBlock2D",) * 3, up_block_types=("UpDecoderBlock2D",) * 3,
    ),
    "AutoencoderDC": dict(
        latent_channels=8, attention_head_dim=8,
        encoder_block_types="ResBlock", decoder_block_types="ResBlock",
        encoder_block_out_channels=(16, 32, 32), decoder_block_out_channels=(16, 32, 32),
        encoder_layers_per_block=(1, 1, 1), decoder_layers_per_block=(1, 1, 1),
        encoder_qkv_multiscales=((), (), ()), decoder_qkv_multiscales=((), (), ()),
    ),
}


def make(kind: str, folder: str) -> None:
    import diffusers
    import safetensors.torch  # diffusers needs it and forgets to import it
    import torch

    if not hasattr(diffusers, kind):
        sys.exit(f"diffusers {diffusers.__version__} has no {kind}: install a newer one")
    torch.manual_seed(0)
    getattr(diffusers, kind)(**TINY[kind]).save_pretrained(folder)


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("source", help="folder or hub id")
    p.add_argument("--make", choices=sorted(TINY), help="write a small random model to the folder and stop")
    p.add_argument("--subfolder", help='folder of the model inside the source: "vae"')
    p.add_argument("--revision")
    p.add_argument("--dtype", choices=["float16", "bfloat16"])
    p.add_argument("--device")
    p.add_argument("--sample", action="store_true", help="draw from the latent distribution instead of taking its mode")
    p.add_argument("--batch", type=int, help="images at once; 1 on a CPU, 8 elsewhere")
    args = p.parse_args()
    if args.make:
        make(args.make, args.source)
        sys.exit()
    vtbench.serve(
        vtbench.from_diffusers(
            args.source, subfolder=args.subfolder, revision=args.revision, dtype=args.dtype, device=args.device,
            sample=args.sample, batch_size=args.batch,
        )
    )
