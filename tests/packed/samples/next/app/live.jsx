"use client";

import { useEffect } from "react";
import { live } from "./told.js";

export function Live() {
  useEffect(() => {
    live().then((told) => (document.title = told), (error) => (document.title = `${error.code}: ${error.message}`));
  }, []);
  return null;
}
