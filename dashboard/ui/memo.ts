// A component that renders again only when one of its properties is another one. preact/compat has
// the same and ten kilobytes more.

import { Component, createElement, type FunctionComponent, type VNode } from "preact";

export function memo<P extends object>(render: FunctionComponent<P>): FunctionComponent<P> {
  class Memo extends Component<P> {
    override shouldComponentUpdate(next: Readonly<P>): boolean {
      const now = this.props as Readonly<Record<string, unknown>>;
      const then = next as Readonly<Record<string, unknown>>;
      for (const key in now) if (now[key] !== then[key]) return true;
      for (const key in then) if (!(key in now)) return true;
      return false;
    }
    override render(): VNode {
      return createElement(render, this.props as P) as VNode;
    }
  }
  return Memo as unknown as FunctionComponent<P>;
}
