//! Links as the kernel describes them.

use super::{
    Link, LinkDetail,
    make::{VLAN_ID, VXLAN_ID, VXLAN_LOCAL, VXLAN_LOCAL_V6, VXLAN_PORT},
};
use crate::{
    route::LinkIndex,
    wire::{Attribute, Attributes, Malformed, words},
};

impl Link {
    /// Reads the body of an `RTM_NEWLINK`: an `ifinfomsg` and attributes.
    pub fn read(body: &[u8]) -> Result<Self, Malformed> {
        let (fixed, attributes) = Attributes::behind::<16>(body, "a link")?;
        let [_, index, flags, _] = words(fixed);
        let mut link = Self {
            index: LinkIndex(u32::from_ne_bytes(index)),
            name: String::new(),
            kind: None,
            is_up: u32::from_ne_bytes(flags) & libc::IFF_UP as u32 != 0,
            mtu: 0,
            hardware: None,
            parent: None,
            peer_namespace: None,
            detail: LinkDetail::None,
        };
        for attribute in attributes {
            link.add(attribute?)?;
        }
        if link.name.is_empty() {
            return Err(Malformed::Missing("a link's name"));
        }
        Ok(link)
    }

    fn add(&mut self, attribute: Attribute<'_>) -> Result<(), Malformed> {
        match attribute.kind {
            libc::IFLA_IFNAME => self.name = attribute.text(),
            libc::IFLA_MTU => self.mtu = attribute.u32("a link's MTU")?,
            // An Ethernet's; others have longer ones, or none.
            libc::IFLA_ADDRESS => self.hardware = attribute.value.try_into().ok(),
            libc::IFLA_LINK => self.parent = Some(LinkIndex(attribute.u32("a link's parent")?)),
            libc::IFLA_LINK_NETNSID => {
                let number = attribute.array("a link's other namespace")?;
                self.peer_namespace = Some(i32::from_ne_bytes(number));
            }
            libc::IFLA_LINKINFO => self.add_info(attribute.nested())?,
            _ => {}
        }
        Ok(())
    }

    fn add_info(&mut self, info: Attributes<'_>) -> Result<(), Malformed> {
        let mut data = None;
        for attribute in info {
            let attribute = attribute?;
            match attribute.kind {
                libc::IFLA_INFO_KIND => self.kind = Some(attribute.text()),
                libc::IFLA_INFO_DATA => data = Some(attribute.nested()),
                _ => {}
            }
        }
        if let Some(data) = data {
            self.detail = match self.kind.as_deref() {
                Some("vlan") => read_vlan(data)?,
                Some("vxlan") => read_vxlan(data)?,
                _ => LinkDetail::None,
            };
        }
        Ok(())
    }
}

fn read_vlan(data: Attributes<'_>) -> Result<LinkDetail, Malformed> {
    for attribute in data {
        let attribute = attribute?;
        if attribute.kind == VLAN_ID {
            let id = attribute.array("a VLAN's number")?;
            return Ok(LinkDetail::Vlan(u16::from_ne_bytes(id)));
        }
    }
    Err(Malformed::Missing("a VLAN's number"))
}

fn read_vxlan(data: Attributes<'_>) -> Result<LinkDetail, Malformed> {
    let (mut number, mut local, mut port) = (None, None, 0);
    for attribute in data {
        let attribute = attribute?;
        match attribute.kind {
            VXLAN_ID => number = Some(attribute.u32("a VXLAN's number")?),
            VXLAN_LOCAL | VXLAN_LOCAL_V6 => {
                local = Some(attribute.address("a VXLAN's address")?);
            }
            VXLAN_PORT => port = u16::from_be_bytes(attribute.array("a VXLAN's port")?),
            _ => {}
        }
    }
    let id = number.ok_or(Malformed::Missing("a VXLAN's number"))?;
    Ok(LinkDetail::Vxlan { id, local, port })
}
