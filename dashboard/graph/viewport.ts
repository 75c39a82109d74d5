// Zoom and pan of the graph: wheel, pointer, two fingers, keys and buttons move one transform.

import { useEffect, useRef, useState } from "preact/hooks";

export interface Camera {
  readonly x: number;
  readonly y: number;
  readonly scale: number;
}

const LEAST = 0.15;
const MOST = 2;
/** A graph that fits is not blown up. */
const FIT_MOST = 1;
/** Smaller than this it is hard to read: then only the beginning is shown, until all is asked for. */
const FIT_LEAST = 0.9;
/** Where there is little room, two tasks beside each other say more than one that is a little larger. */
const FIT_LEAST_NARROW = 0.8;
const NARROW_PX = 700;
const STEP = 1.25;

function clamp(scale: number): number {
  return Math.max(LEAST, Math.min(MOST, scale));
}

/** The camera after a zoom by `factor` that keeps the point (x, y) of the box where it is. */
export function zoomed(camera: Camera, factor: number, x: number, y: number): Camera {
  const scale = clamp(camera.scale * factor);
  const by = scale / camera.scale;
  return { scale, x: x - (x - camera.x) * by, y: y - (y - camera.y) * by };
}

interface Point {
  readonly x: number;
  readonly y: number;
}

/**
 * The camera that shows all of it, or its beginning if all would be too small to read.
 * @param start the point that has to be seen, if not all can be
 * @param least the smallest scale at which it may be shown
 */
export function fitted(
  width: number,
  height: number,
  box: { width: number; height: number },
  start: Point = { x: 0, y: 0 },
  least = box.width < NARROW_PX ? FIT_LEAST_NARROW : FIT_LEAST,
): Camera {
  const whole = Math.min(box.width / width, box.height / height);
  const scale = Math.max(least, Math.min(FIT_MOST, whole));
  return {
    scale,
    x: shifted(box.width, width * scale, start.x * scale),
    y: shifted(box.height, height * scale, start.y * scale),
  };
}

/** Centred if it fits; else the point is as near to the middle as the edges allow. */
function shifted(room: number, length: number, point: number): number {
  const spare = room - length;
  return spare > 0 ? spare / 2 : Math.min(0, Math.max(spare, room / 2 - point));
}

export interface Viewport {
  readonly box: { current: HTMLDivElement | null };
  readonly camera: Camera;
  zoom(direction: 1 | -1): void;
  /** Shows all of it, however small it becomes. */
  fit(): void;
}

/** Ties the camera to an element; it fits itself once there is something to fit. */
export function useViewport(
  width: number,
  height: number,
  start: Point,
  key: string,
): Viewport {
  const box = useRef<HTMLDivElement>(null);
  const [camera, setCamera] = useState<Camera>({ x: 0, y: 0, scale: 1 });
  const fit = (least?: number): void => {
    const size = box.current?.getBoundingClientRect();
    if (size !== undefined && width > 0) setCamera(fitted(width, height, size, start, least));
  };
  const fittedFor = useRef("");
  useEffect(() => {
    if (width === 0 || fittedFor.current === key) return;
    fittedFor.current = key;
    fit();
  }, [width, height, key]);
  useEffect(() => {
    const element = box.current;
    return element === null ? undefined : listen(element, setCamera);
  }, []);
  const zoom = (direction: 1 | -1): void => {
    const size = box.current?.getBoundingClientRect();
    if (size === undefined) return;
    const factor = direction > 0 ? STEP : 1 / STEP;
    setCamera((now) => zoomed(now, factor, size.width / 2, size.height / 2));
  };
  return { box, camera, zoom, fit: () => fit(LEAST) };
}

type Change = (change: (now: Camera) => Camera) => void;

function listen(element: HTMLElement, change: Change): () => void {
  const stops = [listenWheel(element, change), listenPointers(element, change)];
  return () => {
    for (const stop of stops) stop();
  };
}

function listenWheel(element: HTMLElement, change: Change): () => void {
  const onWheel = (event: WheelEvent): void => {
    event.preventDefault();
    const { left, top } = element.getBoundingClientRect();
    if (event.ctrlKey || event.metaKey) {
      const factor = Math.exp(-event.deltaY / 200);
      change((now) => zoomed(now, factor, event.clientX - left, event.clientY - top));
    } else {
      const across = event.shiftKey && event.deltaX === 0;
      const dx = across ? event.deltaY : event.deltaX;
      const dy = across ? 0 : event.deltaY;
      change((now) => ({ ...now, x: now.x - dx, y: now.y - dy }));
    }
  };
  element.addEventListener("wheel", onWheel, { passive: false });
  return () => element.removeEventListener("wheel", onWheel);
}

/** A pointer has to move this far before it is a drag and no click. */
const DRAG_PX = 4;

function listenPointers(element: HTMLElement, change: Change): () => void {
  const fingers = new Map<number, Point>();
  let dragged = false;
  const onDown = (event: PointerEvent): void => {
    if (event.button !== 0 || (event.target as HTMLElement).closest("button") !== null) return;
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    dragged = false;
  };
  const onMove = (event: PointerEvent): void => {
    const before = fingers.get(event.pointerId);
    if (before === undefined) return;
    const dx = event.clientX - before.x;
    const dy = event.clientY - before.y;
    if (!dragged && Math.hypot(dx, dy) < DRAG_PX) return;
    if (!dragged) element.setPointerCapture(event.pointerId);
    dragged = true;
    const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
    const now = { x: event.clientX, y: event.clientY };
    fingers.set(event.pointerId, now);
    const { left, top } = element.getBoundingClientRect();
    if (other === undefined) {
      change((camera) => ({ ...camera, x: camera.x + dx, y: camera.y + dy }));
    } else {
      const factor = distance(now, other) / Math.max(1, distance(before, other));
      const x = (now.x + other.x) / 2 - left;
      const y = (now.y + other.y) / 2 - top;
      change((camera) => zoomed(camera, factor, x, y));
    }
  };
  const onUp = (event: PointerEvent): void => {
    fingers.delete(event.pointerId);
  };
  const onClick = (event: MouseEvent): void => {
    if (!dragged) return;
    event.preventDefault();
    event.stopPropagation();
    dragged = false;
  };
  element.addEventListener("pointerdown", onDown);
  element.addEventListener("pointermove", onMove);
  element.addEventListener("pointerup", onUp);
  element.addEventListener("pointercancel", onUp);
  element.addEventListener("click", onClick, true);
  return () => {
    element.removeEventListener("pointerdown", onDown);
    element.removeEventListener("pointermove", onMove);
    element.removeEventListener("pointerup", onUp);
    element.removeEventListener("pointercancel", onUp);
    element.removeEventListener("click", onClick, true);
  };
}

function distance(a: Point, b: Point): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}
