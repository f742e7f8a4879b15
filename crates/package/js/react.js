"use client";

import { createContext, createElement, useCallback, useContext, useEffect, useRef, useState } from "react";
import { observe } from "brooklet/observe";
import { shared } from "./shared.js";

const Context = createContext({ learner: null, error: null });

export function BrookletProvider({ options, items, children }) {
  const [state, setState] = useState({ learner: null, error: null });
  // What a learner is opened by does not change while it is open.
  const first = useRef(options);
  const [latest, added] = [useRef(items), useRef(null)];
  latest.current = items;
  const { learner } = state;
  useEffect(() => {
    let here = true;
    const opened = (learner) => {
      if (!here) return;
      // Before the components below know of it: they ask for items at once.
      if (latest.current) learner.addItems(latest.current);
      added.current = latest.current;
      setState({ learner, error: null });
    };
    shared(first.current).then(opened, (error) => here && setState({ learner: null, error }));
    return () => void (here = false);
  }, []);
  useEffect(() => {
    if (!learner || !items || added.current === items) return;
    learner.addItems(items);
    added.current = items;
  }, [learner, items]);
  return createElement(Context.Provider, { value: state }, children);
}

export const useLearner = () => useContext(Context);

export function useRecommendations(options) {
  const { learner } = useLearner();
  const [slate, setSlate] = useState(null);
  const asked = useRef(options);
  asked.current = options;
  const refresh = useCallback(() => learner && setSlate(learner.recommend(asked.current)), [learner]);
  // Options are compared as they are written: an object of each rendering is another.
  const written = JSON.stringify(options);
  useEffect(() => void refresh(), [refresh, written]);
  return [slate, refresh];
}

export function useImpression(slate, item, options) {
  const { learner } = useLearner();
  const watching = useRef(options);
  watching.current = options;
  const stop = useRef(null);
  return useCallback(
    (element) => {
      stop.current?.();
      stop.current = element && learner && slate ? observe(learner, slate, element, item, watching.current) : null;
    },
    [learner, slate, item],
  );
}
