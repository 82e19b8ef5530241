// The user's own network: a TorchScript file, which model.name gives as torchscript:FILE.
#pragma once

#include "autosampling/data/facts.hpp"

#include <memory>
#include <string>

namespace autosampling {

class Network;

// Whether a network's name means a TorchScript file.
bool is_script(const std::string& name);

// The hash of the TorchScript file that a network's name means, in hexadecimal; empty for the program's own networks.
// Throws Error(usage) where the file can't be read.
std::string script_hash(const std::string& name);

// Whether batch norm or dropout of a TorchScript network goes by a constant, as after tracing, and not by whether the
// network is being trained. Throws as load_script.
bool ignores_training(const std::string& name);

// The network of such a name. Its parameters are the tensors that require a gradient, and all others its buffers, with
// the names of its state dict; those with two names go by the first. Initial weights are those of the file. It sees
// images in the memory format of its weights. Throws Error(usage) for a file that is no TorchScript, and for a network
// that has nothing to learn, doesn't fit the data set, needs a GPU, or keeps anything in what is no tensor.
std::shared_ptr<Network> load_script(const std::string& name, const Shape& shape, int classes);

} // namespace autosampling
