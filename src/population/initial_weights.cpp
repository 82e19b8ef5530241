#include "autosampling/population/initial_weights.hpp"

#include "autosampling/base/error.hpp"
#include "autosampling/record/checkpoint.hpp"

#include <ATen/ops/from_blob.h>
#include <ATen/ops/isfinite.h>

#include <filesystem>
#include <map>

namespace autosampling {

namespace {

bool is_momentum(const std::string& name) {
    return name.starts_with("momentum.");
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
    std::string result;
    for (const std::int64_t length : shape) result += (result.empty() ? "" : " × ") + std::to_string(length);
    return result.empty() ? "scalar" : result;
}

} // namespace

void load_initial_weights(FlatState& state, const ModelOptions& model) {
    VALIDATE(
        std::filesystem::is_regular_file(model.init), ExitCode::usage, "model.init = ", model.init,
        " is no file: give one that autosampling-analyse import has written, or a state-<number>.h5 of a checkpoint");
    StateFile file = read_state_file(model.init);
    const torch::Tensor values = at::from_blob(file.state.data(), {std::ssize(file.state)}, torch::kFloat);

    std::map<std::string, const StateTensor*> given;
    for (const StateTensor& tensor : file.layout)
        if (!is_momentum(tensor.name)) given[tensor.name] = &tensor;
    std::string differences;
    const auto differs = [&](const auto&... what) { differences += text("\n  ", what...); };
    const torch::NoGradGuard no_grad;
    for (const StateEntry& entry : state.entries()) {
        if (is_momentum(entry.name)) continue;
        const auto found = given.extract(entry.name);
        if (!found) {
            differs(entry.name, " is missing");
        } else if (const StateTensor& tensor = *found.mapped(); tensor.shape != entry.shape) {
            differs(entry.name, " is ", shape_text(tensor.shape), ", not ", shape_text(entry.shape));
        } else {
            const StateEntry source{tensor.name, tensor.shape, tensor.offset, tensor.channels_last};
            entry.view(state.buffer()).copy_(source.view(values));
        }
    }
    for (const auto& [name, tensor] : given) differs(name, " is not in the network");
    VALIDATE(differences.empty(), ExitCode::usage, "the weights in ", model.init, " are of another network than ",
             model.name, ":", differences, "\n  choose the model.name and data set that they were made for");
    VALIDATE(at::isfinite(state.buffer()).all().item<bool>(), ExitCode::usage, "the weights in ", model.init,
             " are not all finite (the training that they come from diverged): take an earlier state");
}

} // namespace autosampling
