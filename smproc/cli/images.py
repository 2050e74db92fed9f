"""``smproc local images``: what runs the jobs of an image."""

from __future__ import annotations

from typing import Annotated

import typer

from smproc.cli.session import Port

app = typer.Typer(
    help="""Show and change what runs the jobs of an image where no container engine has it.

    SageMaker's own scikit-learn images run with their versions: an environment that is made once, when a job first
    needs it. Your own images need a substitute: the directory of a virtual environment, or a command that becomes the
    entry point. A change applies to the next job.
    """,
    no_args_is_help=True,
    epilog="""\\
\\b
Examples:
  Run jobs of my-image:1.2 with the Python of .venv:
    smproc local images add my-image:1.2 .venv
  See all:
    smproc local images list
""",
)


@app.command(name="list")
def list_images(port: Port) -> None:
    """List the images and what runs them."""
    from smproc.local import LocalAws  # noqa: PLC0415 - slow to load
    from smproc.local.runners.image_environments import Environments, known_images  # noqa: PLC0415 - slow to load

    rows = [(name, substitute) for name, substitute in sorted(LocalAws(port).images().items())]
    environments = Environments()
    for repository, versions in known_images():
        environment = environments.find(versions)
        if environment is None:
            python = f"Python {versions.python_here}" if versions.python_here else "the newest Python"
            state = f"{python} and the image's versions; made when a job first needs it"
        elif environment.differences:
            state = f"made, with {', '.join(environment.differences.values())}"
        else:
            state = "made, with the image's versions"
        rows.append((f"{repository}:{versions.tag}", state))
    width = max(len(name) for name, _ in rows)
    for name, text in rows:
        typer.echo(f"{name:<{width}}  {text}")


@app.command()
def add(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="The image: its URI, or without its registry, its tag, or both.", show_default=False
        ),
    ],
    substitute: Annotated[
        str,
        typer.Argument(
            metavar="SUBSTITUTE",
            help="The directory of a virtual environment, or a command that becomes the entry point.",
            show_default=False,
        ),
    ],
    port: Port,
) -> None:
    """Add a substitute for an image, or replace it."""
    from smproc.local import LocalAws  # noqa: PLC0415 - slow to load

    local_aws = LocalAws(port)
    local_aws.add_image(name, substitute)
    typer.echo(f"The next job of {name} runs with {local_aws.images()[name]}")


@app.command()
def remove(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name with which it was added.", show_default=False)],
    port: Port,
) -> None:
    """Remove the substitute for an image."""
    from smproc.local import LocalAws  # noqa: PLC0415 - slow to load

    LocalAws(port).remove_image(name)
    typer.echo(f"Removed the substitute for {name}")


@app.command()
def build(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="One of SageMaker's images: its URI, or its repository and tag. The list has those that are known.",
            show_default=False,
        ),
    ],
    base: Annotated[
        str | None,
        typer.Option(
            help="An image with Python and glibc 2.28 or newer. Default: python:VERSION-slim of Docker Hub, with the "
            "image's version of Python.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Build an image with the contents of one of SageMaker's, for Docker or Podman.

    Containers then run the jobs of that image, whatever registry and region their URIs name. No account is needed: the
    contents come from this machine's package index.
    """
    from smproc.local.runners import find_engine  # noqa: PLC0415 - slow to load
    from smproc.local.runners.image_builds.build import ImageBuild, build_image  # noqa: PLC0415 - slow to load

    wanted = ImageBuild.of(name)
    built = build_image(find_engine(), wanted, base or wanted.default_base, lambda line: typer.echo(line, err=True))
    typer.echo(f"Built {built.name}. {built.introduction}")
