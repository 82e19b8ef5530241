// Starts a run from given weights (option model.init) instead of random ones.
#pragma once

#include "autosampling/training/flat_state.hpp"
#include "autosampling/training/options.hpp"

namespace autosampling {

// Puts the parameters and batch-norm statistics of the state file `model.init` into a network's state, by name;
// momentum stays as it is. Throws Error(usage) where that is no state file (what it is and what to give are named) or
// one of another network (the tensors that differ are named), Error(checkpoint) where it is damaged. Local.
void load_initial_weights(FlatState& state, const ModelOptions& model);

} // namespace autosampling
