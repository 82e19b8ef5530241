// What a search and `check` do alike before anything is trained or written: whatever options and data can be refused
// for is refused here.
#pragma once

#include "autosampling/base/column.hpp"
#include "autosampling/data/split.hpp"
#include "autosampling/options/options.hpp"
#include "autosampling/population/cost.hpp"
#include "autosampling/population/plan.hpp"

#include <string>
#include <vector>

namespace autosampling {

struct Prepared {
    Options options; // resolved
    Split split;
    Plan plan;
    std::vector<Column> columns; // that exploration.signals names, over the training examples
};

// `options` resolved, for so many ranks and these data. Throws Error. Local.
Prepared prepare(const Options& options, int ranks, const DatasetPlan& data_plan, const Dataset& data);

// The command `check`: reads the data, and the initial weights if any, as a run does. Returns the plan in lines, with
// the answer to `cost`. Throws Error. Local, without MPI.
std::vector<std::string> check_run(const Options& asked, const CostQuestion& cost = {});

} // namespace autosampling
