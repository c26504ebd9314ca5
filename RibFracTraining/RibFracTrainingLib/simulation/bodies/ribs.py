"""Ribs and their cartilage, painted along curves: shell of compact bone, spongy core, cartilage in front."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .anatomy import Anatomy, Bone
from .canvas import Canvas
from .curves import Curve, Section, ellipse_distance, framed, sections, spline
from .joints import FREE_END, Joint, draw_joint
from .layout import Layout
from .noise import wavy
from .solids import Rod
from .tubercles import LOWEST_RIB, Facet, Tubercle, draw_tubercle

STEP_MM = 1.2
NECK_MM = (18.0, 34.0)  # from the head to the middle of the tubercle
FIRST_CALCIFIES = 0.6  # by how much more of its cartilage, at most, than of the others'


@dataclass(frozen=True)
class Rib:
    """One rib with its cartilage as a single curve.

    Attributes:
        number: 1 to 24.
        curve: from the head to the end of the cartilage.
        half_out, half_up: (n,) half axes of the cross-section, mm.
        cortex_mm: (n,) thickness of the compact shell; the inner side differs by `inner`.
        inner: factor of the cortex's thickness on the pleural side.
        length: mm of bone; what follows is cartilage.
        joint: between the two.
        tubercle: towards the vertebra's transverse process; None where no process is near.
        groove: mm by which the lower edge is hollow on the inner side.
        rim: (n,) density of the calcified rim of the cartilage, 0 to 1.
        core: (n,) density of calcification inside the cartilage, 0 to 1.
    """

    number: int
    curve: Curve
    half_out: NDArray[np.float32]
    half_up: NDArray[np.float32]
    cortex_mm: NDArray[np.float32]
    inner: float
    length: float
    joint: Joint
    tubercle: Tubercle | None
    groove: float
    rim: NDArray[np.float32]
    core: NDArray[np.float32]

    def facet(self) -> Facet | None:
        """Where the transverse process faces this rib."""
        if self.tubercle is None:
            return None
        index = round(self.tubercle.position / self.curve.step)
        out, up = self.tubercle.towards
        direction = out * self.curve.normal[index] + up * self.curve.binormal[index]
        point = self.curve.points[index] + self.tubercle.height * direction
        headwards = -self.tubercle.beside_mm * self.curve.tangent[index]
        return Facet(point, direction, headwards, self.tubercle.radius, self.tubercle.cleft_mm)

    def front_end(self, length: float) -> Rod:
        """The last `length` mm of the cartilage, or of a bone without one, as a rod from its tip."""
        before = len(self.curve.points) - 1 - round(length / self.curve.step)
        radius = float(max(self.half_up[-1], self.half_out[-1]))
        return Rod(self.curve.points[-1], self.curve.points[before], radius, radius)


def make_rib(number: int, layout: Layout, anatomy: Anatomy, generator: np.random.Generator) -> Rib:
    """The shape of one rib."""
    knots = layout.ribs[number - 1]
    length = float(len(spline(knots, STEP_MM)) - 1) * STEP_MM
    if number in layout.cartilages:
        knots = np.concatenate([knots, layout.cartilages[number][1:]])
    points = spline(knots, STEP_MM)
    level = (number - 1) % 12
    outward = points - layout.move((0.0, -58.0, 0.0))
    outward[:, 2] = 15  # the upper edge leans inwards
    twist = _twist(level, number <= 12, len(points))
    curve = framed(points, outward, twist)
    bone = min(len(points) - 1, round(length / curve.step))
    s = np.linspace(0, 1, bone + 1)
    build = anatomy.build
    size = (0.8, 0.88, 0.95, 1, 1, 1, 1, 1, 0.98, 0.95, 0.85, 0.72)[level]
    up = (
        build.rib_half_up
        * size
        * np.interp(s, [0, 0.05, 0.14, 0.3, 0.75, 0.93, 1], [0.85, 0.7, 0.85, 1, 1, 1.08, 1.16])
    )
    out = (
        build.rib_half_out
        * size
        * np.interp(s, [0, 0.05, 0.14, 0.3, 0.8, 1], [1.3, 1.05, 1.25, 1.1, 0.95, 1.05])
    )
    if level == 0:
        up, out = up * 1.15, out * 0.9
    up *= 1 + 0.06 * wavy(generator, len(s), length / 45)
    out *= 1 + 0.07 * wavy(generator, len(s), length / 40)
    cortex = anatomy.bone.cortex_mm * np.interp(s, [0, 0.08, 0.3, 0.7, 1], [0.6, 0.9, 1.25, 0.95, 0.5])
    cortex *= np.clip(1 + 0.28 * wavy(generator, len(s), length / 30), 0.4, 1.8)
    drawn = draw_joint(generator.spawn(1)[0])  # for ribs without cartilage too: streams are numbered
    joint = drawn if number in layout.cartilages else FREE_END
    out, cortex = out * joint.widened(s * length, length), cortex * joint.thickened(s)
    tubercle = None
    if level < LOWEST_RIB:
        index = round(generator.uniform(*NECK_MM) / curve.step)
        tubercle = draw_tubercle(out[index], up[index], twist[index], index * curve.step, generator)
    rest = len(points) - bone - 1
    calcified = anatomy.bone.calcified
    if level == 0:
        calcified = min(0.95, calcified + float(generator.uniform(0, FIRST_CALCIFIES)))
    return Rib(
        number=number,
        curve=curve,
        half_out=_extended(out, rest, 0.95 / joint.flare),
        half_up=_extended(up, rest, 0.72),
        cortex_mm=_extended(np.maximum(cortex, 0.2), rest, 1),
        inner=float(generator.uniform(0.6, 1.4)),
        length=bone * curve.step,
        joint=joint,
        tubercle=tubercle,
        groove=float(generator.uniform(0.3, 1.8)),
        rim=_calcification(generator, len(points), calcified),
        core=_calcification(generator, len(points), calcified * 0.6),
    )


def _twist(level: int, right: bool, count: int) -> NDArray:
    """Radians by which the flat side is turned up: the first rib lies flat, the second half so."""
    start, end = (
        ((1.1, 1.2), (0.5, 0.85), (0.2, 0.55), (0.1, 0.4), (0.05, 0.35))[level] if level < 5 else (0, 0.3)
    )
    # On the right a curve runs the other way about the chest, which reverses the turn.
    return np.linspace(start, end, count) * (1 if right else -1)


def _extended(values: NDArray, rest: int, taper: float) -> NDArray[np.float32]:
    """Continue a profile of the bone over the cartilage, tapering to a part of its last value."""
    return np.concatenate([values, values[-1] * np.linspace(1, taper, rest + 1)[1:]]).astype(np.float32)


def _calcification(generator: np.random.Generator, count: int, share: float) -> NDArray[np.float32]:
    """0 to 1 along a curve, above 0 on about `share` of it, strongest at the rib's end."""
    if share <= 0:
        return np.zeros(count, np.float32)
    ground = wavy(generator, count, count / 12) - 1.3 + 2.6 * share
    return np.clip(ground, 0, 1).astype(np.float32)


def paint_rib(canvas: Canvas, rib: Rib, bone: Bone, grain: NDArray[np.float32]) -> None:
    """Paint one rib with its cartilage and mark its bone."""
    # The rim of a facet lies a little further from the middle of the rib than the facet's own middle.
    bump = rib.tubercle.height + 1 if rib.tubercle else 0.0
    reach = float(max(rib.half_up.max(), rib.half_out.max(), bump)) + 2 * canvas.frame.edge + 1
    for section in sections(canvas, rib.curve, reach):
        _paint_section(canvas, rib, bone, grain, section)


def _paint_section(
    canvas: Canvas, rib: Rib, bone: Bone, grain: NDArray[np.float32], section: Section
) -> None:
    index = section.index
    half_out, half_up = rib.half_out[index], rib.half_up[index]
    # The costal groove hollows the inner side of the lower edge.
    lower = np.clip(-section.up / half_up - 0.2, 0, 1)
    out = section.out - rib.groove * lower * (section.out < 0)
    distance = ellipse_distance(out, section.up, section.along, half_out, half_up)
    position = rib.curve.step * index + section.along
    if rib.tubercle is not None:
        distance = rib.tubercle.added(distance, position, section.out, section.up)
    depth = np.clip(-distance / half_out, 0, 1)
    ahead = rib.joint.ahead(position - rib.length, depth, section.out)
    shell = rib.cortex_mm[index] * np.where(section.out < 0, rib.inner, 1)
    texture = grain[tuple(place % size for place, size in zip(section.places, grain.shape, strict=True))]
    cortex = bone.cortex_hu * (1 - 0.05 * np.clip(texture, -1, 2))
    marrow = bone.marrow_hu + bone.grain_hu * texture
    hollow = canvas.cover(distance + shell, bone.border_mm) * canvas.cover(ahead + rib.joint.plate_mm)
    bony = hollow * marrow + (1 - hollow) * cortex
    if len(rib.curve.points) * rib.curve.step > rib.length + 3:
        gristle = _cartilage(canvas, rib, bone, distance, index, texture)
        front = canvas.cover(-ahead)
        value = front * gristle + (1 - front) * bony
    else:
        value = bony
    inside = canvas.cover(distance)
    canvas.blend_at(section.places, inside, value)
    marked = (distance < 0) & (ahead < 0)
    free = tuple(place[marked] for place in section.places)
    canvas.ribs[free] = np.where(canvas.ribs[free] == 0, rib.number, canvas.ribs[free])


def _cartilage(
    canvas: Canvas, rib: Rib, bone: Bone, distance: NDArray, index: NDArray, texture: NDArray
) -> NDArray:
    """HU of the cartilage: even, with a calcified rim and grains inside where it has calcified."""
    rim = canvas.cover(np.abs(distance + 0.9) - 0.7) * rib.rim[index]
    grains = canvas.cover(distance + 2) * rib.core[index] * np.clip(texture - 0.3, 0, 1.5)
    return bone.cartilage_hu + 550 * rim + 450 * grains
