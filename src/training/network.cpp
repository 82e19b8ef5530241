#include "autosampling/training/network.hpp"

#include "autosampling/base/error.hpp"
#include "autosampling/training/make_network.hpp"
#include "autosampling/training/script.hpp"
#include "families.hpp"
#include "layers.hpp"

#include <algorithm>

namespace autosampling {
namespace {

const std::vector<Architecture>& architectures() {
    static const std::vector<Architecture> all = [] {
        std::vector<Architecture> result;
        for (const auto& family : {resnets(), densenets(), small_networks(), null_networks()})
            result.insert(result.end(), family.begin(), family.end());
        return result;
    }();
    return all;
}

// A network by these options, but for those that not every network has.
std::shared_ptr<Network> make_plain(const ModelOptions& options, const Shape& shape, int classes) {
    const std::string& name = options.name;
    if (is_script(name)) return load_script(name, shape, classes);
    const auto architecture = std::ranges::find(architectures(), name, &Architecture::name);
    std::string known;
    for (const std::string& each : network_names()) known += (known.empty() ? "" : ", ") + each;
    VALIDATE(architecture != architectures().end(), ExitCode::usage, "unknown network '", name,
             "' (no such model.name): take one of ", known, ", or torchscript:FILE");
    const int side = architecture->smallest_side;
    VALIDATE(side == 0 || shape.is_image(), ExitCode::usage, "network ", name, " takes images, not examples of shape ",
             shape, ": choose another model.name, such as mlp");
    VALIDATE(side == 0 || (shape.height() >= side && shape.width() >= side), ExitCode::usage, "network ", name,
             " cannot take images of ", shape.height(), " × ", shape.width(), " pixels (it needs ", side, " × ", side,
             " or more): choose another model.name, such as mlp");
    auto network = architecture->make(shape, classes, options);
    for (at::Tensor& parameter : network->parameters()) {
        if (parameter.dim() == 4) parameter.set_data(parameter.detach().contiguous(at::MemoryFormat::ChannelsLast));
    }
    return network;
}

} // namespace

const std::vector<std::string>& network_names() {
    static const std::vector<std::string> names = [] {
        std::vector<std::string> result;
        for (const Architecture& architecture : architectures()) result.push_back(architecture.name);
        return result;
    }();
    return names;
}

std::shared_ptr<Network> make_network(const std::string& name, const Shape& shape, int classes) {
    ModelOptions options;
    options.name = name;
    return make_network(options, shape, classes);
}

std::shared_ptr<Network> make_network(const ModelOptions& options, const Shape& shape, int classes) {
    auto network = make_plain(options, shape, classes);
    VALIDATE(!options.save_memory || network->save_memory(), ExitCode::usage, "model.save_memory is not for ",
             options.name, " (it is for the densenets, which keep most): leave it false");
    return network;
}

void Network::synchronise_statistics(const TeamExchange& team) {
    for (const auto& module : modules(/*include_self=*/false))
        if (auto* const norm = module->as<BatchNorm>()) norm->team = &team;
}

} // namespace autosampling
