// TorchScript files of networks that are made here.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/linspace.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/jit/api/module.h>

#include <filesystem>
#include <functional>
#include <string>

namespace autosampling {

using ScriptChange = std::function<void(torch::jit::Module&)>;

// Saves a network with a weight (inputs, 10), a counter `seen` and this as the body of its forward(x), and gives the
// name that means it. `change` gives it more.
inline std::string save_script(const std::filesystem::path& file, std::int64_t inputs, const std::string& body,
                               const ScriptChange& change = {}) {
    torch::jit::Module module("Net");
    const at::Tensor weight = at::linspace(-0.01, 0.01, inputs * 10).view({inputs, 10});
    module.register_parameter("weight", weight.requires_grad_(), /*is_buffer=*/false);
    module.register_buffer("seen", at::zeros({}, at::kLong));
    module.register_attribute("training", c10::BoolType::get(), true);
    if (change) change(module);
    module.define("def forward(self, x):\n" + body);
    module.save(file.string());
    return "torchscript:" + file.string();
}

} // namespace autosampling
